"""Who trains, and when: the queue, the processes, how long it will take."""
