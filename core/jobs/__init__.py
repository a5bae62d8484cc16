"""Which run trains, and when: the queue, the processes, the estimated time."""
