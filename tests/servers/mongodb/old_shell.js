// Runs the scripts with nothing but what the mongo shell of MongoDB 4.4 has, and prints what they print.
//
// usage: node old_shell.js FOLDER_OF_SCRIPTS MONGOSH     mongosh brings a parser
//
// That shell cannot be installed here. It knows JavaScript up to ES2017; calls return at once; runCommand returns
// errors, and its own login throws them; a connection is made when it is asked for.
'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [folder, mongosh] = process.argv.slice(2);
const acorn = require(require.resolve('acorn', { paths: [path.dirname(mongosh)] }));

const FILES = {
  '/etc/constructs-st2/config/replica-set.json': JSON.stringify({
    set: 'rs0',
    members: ['m-0:27017', 'm-1:27017'],
    root: { name: 'root', passwordFile: '/root' },
    users: [{ name: 'st2', database: 'st2', roles: [{ role: 'readWrite', db: 'st2' }], passwordFile: '/st2' }],
  }),
  '/root': 'toor\n',
  '/st2': 'first',
};

// What happens while the shell sleeps: the events of the test.
const EVENTS = [
  () => { peerIsUp = true; },
  () => {},
  () => { FILES['/st2'] = 'second'; },
  () => { FILES['/root'] = 'wrong'; },
];
let peerIsUp = false;
let hosts = null;
const users = {};

function reply(command, database, user) {
  const refuse = (code) => ({ ok: 0, code, errmsg: `refused with ${code}` });
  if (command.isMaster) {
    return hosts ? { ok: 1, setName: 'rs0', ismaster: true, hosts } : { ok: 1, ismaster: false };
  }
  if (command.replSetInitiate) {
    hosts = command.replSetInitiate.members.map((member) => member.host);
    return { ok: 1 };
  }
  if (command.createUser && (user === 'root' || Object.keys(users).length === 0)) {
    users[`${command.createUser}@${database}`] = command;
    return { ok: 1 };
  }
  if (user !== 'root') {
    return command.hello ? refuse(59) : refuse(13);
  }
  if (command.updateUser) {
    Object.assign(users[`${command.updateUser}@${database}`], command);
    return { ok: 1 };
  }
  if (command.usersInfo) {
    const found = users[`${command.usersInfo.user}@${database}`];
    return { ok: 1, users: found ? [found] : [] };
  }
  if (command.getParameter) {
    return { ok: 1, featureCompatibilityVersion: { version: '4.4' } };
  }
  return command.replSetGetStatus ? { ok: 1, members: [] } : refuse(59);
}

class Mongo {
  constructor(uri) {
    print(`connection to ${new URL(uri).host}`);
    if (uri.includes('m-1') && !peerIsUp) {
      throw new Error("couldn't connect to server m-1");
    }
  }

  getDB(database) {
    return {
      runCommand: (command) => reply(command, database, this.user),
      _authOrThrow: (name, password) => {
        if (!users[`${name}@${database}`] || users[`${name}@${database}`].pwd !== password) {
          throw Object.assign(new Error('Authentication failed.'), { code: 18 });
        }
        this.user = name;
      },
    };
  }

  close() {}
}

function print(line) {
  console.log(line);
}

class Ended extends Error {}

function sleep(milliseconds) {
  print(`${milliseconds} ms pass`);
  if (EVENTS.length === 0) {
    throw new Ended();
  }
  EVENTS.shift()();
}

const shell = vm.createContext({ Mongo, print, sleep, cat: (file) => FILES[file], settings: { pod: 'm-0', seconds: 10 } });
try {
  for (const name of ['reconcile.js', 'loop.js']) {
    const text = fs.readFileSync(path.join(folder, name), 'utf8');
    acorn.parse(text, { ecmaVersion: 2017 });
    vm.runInContext(text, shell, { filename: name });
  }
} catch (error) {
  if (!(error instanceof Ended)) {
    throw error;
  }
}
