"""Links between a few visitors and customers, drawn so that they contradict and repeat each other."""

from hypothesis import strategies as st

from app.identity.resolve import Link

VISITORS, CUSTOMERS = range(1, 7), range(101, 105)
links = st.lists(
    st.builds(
        Link,
        visitor=st.sampled_from(VISITORS),
        customer=st.sampled_from(CUSTOMERS),
        occurred_us=st.integers(0, 3),
        event_id=st.text("abcß", min_size=1, max_size=3),
    ),
    max_size=14,
    unique_by=lambda link: link.event_id,
)
