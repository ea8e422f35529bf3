// The kernel of jsii in one process of Node.js instead of two.
//
// jsii starts a process that starts the kernel, relays what Python and the kernel say to each other, and wraps what
// programs print. Here the kernel itself talks to Python: where it reads and writes the channel of the relay (3), it
// gets the standard input and output, and what is printed goes to the standard error, wrapped as the relay does it.
"use strict";
const fs = require("fs");
const path = require("path");
const workers = require("worker_threads");

const CHANNEL = 3;
const { readSync, writeSync } = fs;
fs.readSync = (fd, ...rest) => readSync(fd === CHANNEL ? 0 : fd, ...rest);
fs.writeSync = (fd, ...rest) => writeSync(fd === CHANNEL ? 1 : fd, ...rest);

for (const name of ["stdout", "stderr"]) {
  Object.defineProperty(process, name, {
    configurable: true,
    get: () => wrapped(name),
  });
}
const streams = {};
function wrapped(name) {
  return (streams[name] ??= Object.assign(
    new (require("stream").Writable)({
      decodeStrings: true,
      write(chunk, _, done) {
        writeSync(2, JSON.stringify({ [name]: chunk.toString("base64") }) + "\n");
        done();
      },
    }),
    { fd: 2 },
  ));
}

// The relay starts the kernel with this argument, here it is in NODE_OPTIONS. The kernel looks for it: with it, packages
// are links to folders of its cache; without, each of their 350 files is linked at the start and removed at the end, an
// eighth of the time of Node.js.
process.execArgv.push("--preserve-symlinks");

// The files of jsii's kernel, where pip has put them.
const folder = process.env.CONSTRUCTS_ST2_JSII;
const { Worker } = workers;
workers.Worker = class extends Worker {
  constructor(file, options) {
    super(path.join(folder, `lib__${path.basename(file)}`), options);
  }
};
require(path.join(folder, "lib__program.js"));
