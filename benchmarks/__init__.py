"""What the service costs: CPU, calls and memory, compared with one UpdateItem and one SendMessage per file.

workload                      the measured execution: its files, its log, its bucket
stub/                         a process that answers for AWS on loopback and counts requests; its CPU is not counted
runs                          one run: a fresh stub, and a fresh process that is measured (measure, stopwatch)
parsing, pipeline, baseline   the subjects
figures                       start the runs and compute the figures; `targets` judges them, `report` prints them
"""
