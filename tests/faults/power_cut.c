/* What a power cut would leave: only what was synced. Preloaded into the service; keeps an image of every file
   "offerlab.sqlite3*" under $POWER_CUT_IMAGE. Writes wait in memory and reach the image at fsync or fdatasync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 4096
#define FILES 64
struct change { off_t at; size_t size; int is_cut; struct change *next; char data[]; };
struct file { char name[256]; struct change *first, **last; };
static struct file files[FILES];
static int count, of_fd[FDS]; /* 1 + place in files, 0: not ours */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void image_of(const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/%s", getenv("POWER_CUT_IMAGE"), name);
}

static void opened(int fd, const char *path) {
    const char *slash = path ? strrchr(path, '/') : 0, *name = slash ? slash + 1 : path;
    if (fd < 0 || fd >= FDS || !name || !getenv("POWER_CUT_IMAGE")) return;
    of_fd[fd] = 0;
    if (strncmp(name, "offerlab.sqlite3", 16) || strstr(name, "-shm")) return;
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < count && strcmp(files[i].name, name)) i++;
    if (i == count && count < FILES) {
        strncpy(files[i].name, name, 255);
        files[i].last = &files[i].first;
        count++;
    }
    of_fd[fd] = i + 1;
    pthread_mutex_unlock(&lock);
}

static void noted(int fd, off_t at, const void *data, size_t size, int is_cut) {
    if (fd < 0 || fd >= FDS || !of_fd[fd]) return;
    struct change *c = malloc(sizeof *c + (is_cut ? 0 : size));
    c->at = at; c->size = size; c->is_cut = is_cut; c->next = 0;
    if (!is_cut) memcpy(c->data, data, size);
    pthread_mutex_lock(&lock);
    struct file *f = &files[of_fd[fd] - 1];
    *f->last = c;
    f->last = &c->next;
    pthread_mutex_unlock(&lock);
}

static void synced(int fd) {
    if (fd < 0 || fd >= FDS || !of_fd[fd]) return;
    char path[4096];
    pthread_mutex_lock(&lock);
    struct file *f = &files[of_fd[fd] - 1];
    image_of(f->name, path, sizeof path);
    int out = REAL(open)(path, O_RDWR | O_CREAT, 0600);
    for (struct change *c = f->first, *next; c; c = next) {
        next = c->next;
        if (c->is_cut) { if (REAL(ftruncate)(out, c->at)) abort(); }
        else if (REAL(pwrite)(out, c->data, c->size, c->at) != (ssize_t)c->size) abort();
        free(c);
    }
    f->first = 0; f->last = &f->first;
    REAL(close)(out);
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...) {                                \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        int fd = REAL(name)(path, flags, mode); opened(fd, path); return fd; }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                            \
    int name(int dir, const char *path, int flags, ...) {                       \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        int fd = REAL(name)(dir, path, flags, mode); opened(fd, path); return fd; }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) { if (fd >= 0 && fd < FDS) of_fd[fd] = 0; return REAL(close)(fd); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    ssize_t done = REAL(pwrite)(fd, data, size, at);
    if (done > 0) noted(fd, at, data, done, 0);
    return done; }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    ssize_t done = REAL(pwrite64)(fd, data, size, at);
    if (done > 0) noted(fd, at, data, done, 0);
    return done; }
ssize_t write(int fd, const void *data, size_t size) {
    off_t at = fd >= 0 && fd < FDS && of_fd[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = REAL(write)(fd, data, size);
    if (done > 0) noted(fd, at, data, done, 0);
    return done; }
int ftruncate(int fd, off_t size) {
    int failed = REAL(ftruncate)(fd, size); if (!failed) noted(fd, size, 0, 0, 1); return failed; }
int ftruncate64(int fd, off64_t size) {
    int failed = REAL(ftruncate64)(fd, size); if (!failed) noted(fd, size, 0, 0, 1); return failed; }
int fsync(int fd) { int failed = REAL(fsync)(fd); if (!failed) synced(fd); return failed; }
int fdatasync(int fd) { int failed = REAL(fdatasync)(fd); if (!failed) synced(fd); return failed; }
int unlink(const char *path) {
    int failed = REAL(unlink)(path);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!failed && getenv("POWER_CUT_IMAGE") && !strncmp(name, "offerlab.sqlite3", 16)) {
        char image[4096]; image_of(name, image, sizeof image); REAL(unlink)(image);
        for (int i = 0; i < count; i++) if (!strcmp(files[i].name, name)) {
            files[i].first = 0; files[i].last = &files[i].first; } }
    return failed; }
