"""What the service costs: CPU, calls and memory, against one UpdateItem and one SendMessage per file.

workload    the execution that is measured: its files, its log, its bucket
stub/       a process that plays AWS on loopback, counts requests and whose CPU nobody counts
runs        one run: a fresh stub, a fresh process that is measured (measure, stopwatch)
parsing, pipeline, baseline   the subjects
figures     starts the runs and draws the figures from them;  targets  judges them;  report  prints them
"""
