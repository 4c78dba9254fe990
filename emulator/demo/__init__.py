"""The main job, shown as it happens: files leave a folder, go through DataSync, and become messages on a queue.

Everything is real but AWS itself: a moto server, the emulator and `datasync-trigger` run as processes of their own and
speak to each other over HTTP on this machine.
"""
