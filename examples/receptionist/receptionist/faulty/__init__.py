"""What the receptionist does in addition, or otherwise, when faults are switched on.

Nothing in here is an example to follow: `..faults` says which mistake each stands for.
"""
