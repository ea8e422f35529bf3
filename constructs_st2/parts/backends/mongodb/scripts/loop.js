// Runs the passes of reconcile.js in a shell, mongosh or the old mongo, until the container ends. What it prints is
// read by reconcile.sh, which also sets `settings`.

var CONFIG = '/etc/constructs-st2/config/replica-set.json';
var OPTIONS = 'directConnection=true&serverSelectionTimeoutMS=3000&connectTimeoutMS=3000&socketTimeoutMS=30000';
var AUTHENTICATION_FAILED = 18;
var COMMAND_NOT_FOUND = 59;

// The old shell has cat, and no other way to read files; mongosh has no cat.
var isOldShell = typeof cat === 'function';

function readFile(path) {
  return isOldShell ? cat(path) : fs.readFileSync(path, 'utf8');
}

function connect(address) {
  const tls = settings.authority ? `&tls=true&tlsCAFile=${encodeURIComponent(settings.authority)}` : '';
  return new Mongo(`mongodb://${address}/?${OPTIONS}${tls}`);
}

// The reply to a command. mongosh throws what the server refuses, the old shell returns it.
function run(mongo, database, command) {
  const reply = mongo.getDB(database).runCommand(command);
  const failure = reply.ok ? reply.writeConcernError : reply;
  if (failure) {
    throw Object.assign(new Error(failure.errmsg), { code: failure.code });
  }
  return reply;
}

function hello(mongo) {
  try {
    const reply = run(mongo, 'admin', { hello: 1 });
    return reply;
  } catch (error) {
    // MongoDB before 4.4.2.
    if (error.code === COMMAND_NOT_FOUND) {
      return run(mongo, 'admin', { isMaster: 1 });
    }
    throw error;
  }
}

function authenticate(mongo, name, password, database) {
  const place = mongo.getDB(database);
  if (isOldShell) {
    // Its auth() prints the reason of a failure, and does not tell a wrong password from a lost connection.
    place._authOrThrow(name, password);
  } else {
    place.auth(name, password);
  }
}

// The calls of a pass, on connections that stay from one pass to the next.
function shellIo(say) {
  const connections = {};
  let used = {};
  let local = '';

  function connection(address) {
    if (!connections[address]) {
      connections[address] = connect(address);
    }
    used[address] = true;
    return connections[address];
  }

  return {
    hello: function (host) {
      return hello(connection(host || local));
    },
    run: function (database, command) {
      return run(connection(local), database, command);
    },
    login: function (name, password, database) {
      const mongo = connect(local);
      try {
        authenticate(mongo, name, password, database);
      } catch (error) {
        mongo.close();
        if (error.code === AUTHENTICATION_FAILED) {
          return null;
        }
        throw error;
      }
      return {
        run: function (where, command) {
          return run(mongo, where, command);
        },
        close: function () {
          mongo.close();
        },
      };
    },
    read: readFile,
    now: Date.now,
    role: function (role) {
      print(`role ${role}`);
    },
    formats: function (version) {
      print(`formats ${version}`);
    },
    say: say,
    beginPass: function (address) {
      local = address;
      used = {};
    },
    // A connection costs the server a thread, so those to other members end as soon as a pass has no use for them.
    endPass: function () {
      for (const address of Object.keys(connections)) {
        if (!used[address]) {
          connections[address].close();
          delete connections[address];
        }
      }
    },
  };
}

function main(pod, seconds) {
  const ordinal = Number(/\d+$/.exec(pod)[0]);
  const memory = { users: null, formats: null };
  const out = speaker((line) => print(line.replace(/\s+/g, ' ')));
  const io = shellIo(out.say);
  while (true) {
    try {
      const config = JSON.parse(readFile(CONFIG));
      const self = config.members[ordinal] || config.members[0];
      io.beginPass(`127.0.0.1:${self.split(':')[1]}`);
      const role = reconcile(io, config, ordinal, memory);
      if (role === 'primary' || role === 'secondary') {
        noteFormats(io, config, memory);
      }
      io.endPass();
    } catch (error) {
      out.say(`failed and tries again: ${error.message}`);
    }
    out.endPass();
    print('looked');
    sleep(seconds * 1000);
  }
}

main(settings.pod, settings.seconds);
