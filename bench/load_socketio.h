// bench/load_socketio.h: the modes whose names begin with `socketio-`. They speak Engine.IO 4 and
// use the namespace / of Socket.IO 5. The server acks `echo` with its argument, and emits `pub` to
// every client.
#pragma once

#include "load_socketio_connect.h"
#include "load_socketio_fanout.h"
#include "load_socketio_idle.h"
#include "load_socketio_polling.h"

namespace starling::bench {

inline void run_socketio(const Options& options) {
    if (options.mode == "socketio-fanout")
        SocketioFanoutLoad(options).run();
    else if (options.mode == "socketio-idle")
        SocketioIdleLoad(options).run();
    else if (options.mode == "socketio-connect")
        SocketioConnectLoad(options).run();
    else if (options.mode == "socketio-polling")
        SocketioPollingLoad(options).run();
    else
        fail("unknown mode: " + options.mode);
}

}  // namespace starling::bench
