// The kernel of jsii in one process of Node.js instead of two.
//
// jsii starts a process that starts the kernel, relays what Python and the kernel say to each other, and wraps what
// programs print. Here the kernel itself talks to Python: where it reads and writes the channel of the relay (3), it
// gets the standard input and output, and what is printed goes to the standard error, wrapped as the relay does it.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const Module = require("module");
const path = require("path");
const vm = require("vm");
const workers = require("worker_threads");

const CHANNEL = 3;
const DIGEST_SIZE = 32;
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

// What V8 makes of the program while it runs is kept for the next start, which it spares a seventh of the time of
// Node.js. V8 looks at the versions. That it is of the same program, the name says; that all of it is as it was, which V8
// takes for granted, the digest in front of it.
const program = new Module(path.join(folder, "lib__program.js"), module);
const source = fs.readFileSync(program.id, "utf8");
const cache = process.env.CONSTRUCTS_ST2_CACHE;
const kept = cache && isPrivate() ? path.join(cache, `${digest(source).toString("hex")}-${process.version}`) : undefined;
const script = new vm.Script(Module.wrap(source), { filename: program.id, cachedData: compiled() });
if (kept && script.cachedDataRejected !== false) process.once("exit", keep);
script.runInThisContext()(program.exports, Module.createRequire(program.id), program, program.id, folder);

// As jsii does with its packages: nothing runs that somebody else can write.
function isPrivate() {
  try {
    fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
    const { mode, uid } = fs.statSync(cache);
    return process.getuid === undefined || ((mode & 0o022) === 0 && uid === process.getuid());
  } catch {
    return false;
  }
}

function digest(data) {
  return crypto.createHash("sha256").update(data).digest();
}

function compiled() {
  try {
    const data = fs.readFileSync(kept);
    const code = data.subarray(DIGEST_SIZE);
    return digest(code).equals(data.subarray(0, DIGEST_SIZE)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function keep() {
  const unfinished = `${kept}.${process.pid}`;
  try {
    const code = script.createCachedData();
    fs.writeFileSync(unfinished, Buffer.concat([digest(code), code]), { mode: 0o600 });
    fs.renameSync(unfinished, kept);
  } catch {
    // It takes longer, then.
    fs.rmSync(unfinished, { force: true });
  }
}
