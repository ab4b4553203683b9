// What every script is told on its command line, and how it answers: one line of JSON.
// node SCRIPT TASK '{"url": …, "key": …, "manager": …, "experiment": …, "nowhere": …}'

export const told = JSON.parse(process.argv[3] ?? "{}");

/** Run the task named on the command line and print its result. Node leaves when the client was closed. */
export async function answer(tasks) {
  const result = await tasks[process.argv[2]](told);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
