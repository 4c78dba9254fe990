"""The service at work: files leave a folder, are copied by DataSync, and become messages on a queue.

Everything but AWS is real: a moto server, the emulator and `datasync-trigger` run as separate processes and talk to
each other over HTTP on this machine.
"""
