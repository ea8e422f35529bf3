"""The floor: the least that any cdk8s program does. usage: floor.py FOLDER"""

import sys

import cdk8s

cdk8s.App(outdir=sys.argv[1]).synth()
