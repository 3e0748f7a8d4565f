"""The request path: holdfast's service beside what a team would otherwise put together.

``python -m benchmarks.serving [--json]`` reads the IBM telco table from ``HOLDFAST_REAL_DATA`` or
``../shared/data``, and makes a home of it with `quickstart`. Three servers are asked about the same
customers, each a process of its own on loopback, one after the other: ``holdfast serve``; the
*plain stack* (`benchmarks.serving.plain_stack`); and ``mlflow models serve`` on the first of the two
boosters, since it serves one alone; it gets rows in the body, looks nothing up and gives no reasons.
All have one worker and one thread per call. Every answer is checked.

A closed loop of 1, 8 and 32 connections keeps one request of each in flight. Processor time is that
of the server's processes, per request; latency is the client's. Events are sent to a second home,
of a small operator whose tables are drawn at random.
"""

# A process that is spawned imports this module again, and needs none of the rest.
if __name__ == "__main__":
    from benchmarks.serving.comparison import main

    main()
