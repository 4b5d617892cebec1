// app/bench/table.h: options, exits and examples of `starling bench` for app/command_table.cpp.
#pragma once

#include "app/command_table.h"
#include "app/tls_options.h"

namespace starling::app {

inline constexpr OptionRow bench_options[] = {
    {.name = "--scenario",
     .placeholder = "NAME",
     .takes = Takes::word,
     .words = "echo fanout connect idle events socketio-ack socketio-fanout socketio-connect "
              "socketio-idle socketio-polling",
     .help = "echo (the default), fanout, connect, idle, events, socketio-ack, socketio-fanout, "
             "socketio-connect, socketio-idle or socketio-polling"},
    {.name = "--connections", .placeholder = "N", .help = "Connections; 50 if absent"},
    {.name = "--depth",
     .placeholder = "N",
     .help = "Messages in flight on each connection, sent together; 1 if absent"},
    {.name = "--rate",
     .placeholder = "N",
     .help = "Messages in a second of all connections together, whatever the server does; of "
             "fanout and events the publications, 100 if absent"},
    {.name = "--size", .placeholder = "BYTES", .help = "Payload of a message; 64 if absent"},
    {.name = "--message",
     .placeholder = "TEXT",
     .help = "echo, fanout, events: the message; {payload} in it stands for the payload"},
    {.name = "--seconds", .placeholder = "N", .help = "Time that is measured; 10 if absent"},
    {.name = "--warmup",
     .placeholder = "N",
     .help = "Load before the measured time; 1 second if absent"},
    {.name = "--ramp-up",
     .placeholder = "N",
     .help = "Spreads the opening of the connections over N seconds"},
    {.name = "--timeout-s",
     .placeholder = "N",
     .help = "For opening a connection, and for the last answers; 10 seconds if absent"},
    {.name = "--threads", .placeholder = "N", .help = "Threads of the load generator; 1 if absent"},
    {.name = "--text", .takes = Takes::nothing, .help = "Send text messages (the default)"},
    {.name = "--binary", .takes = Takes::nothing, .help = "Send binary messages"},
    {.name = "--publish-url",
     .placeholder = "URL",
     .help = "fanout, socketio-fanout, events: where the publisher connects to; both kinds of "
             "fanout without it: the URL"},
    {.name = "--event",
     .placeholder = "NAME",
     .help = "socketio-ack, socketio-polling: the event whose ack holds its argument (echo); "
             "socketio-fanout: the event that the server emits to all (message)"},
    {.name = "--protocol",
     .placeholder = "NAME",
     .repeated = true,
     .help = "Subprotocol to offer; may be repeated"},
    {.name = "--header",
     .placeholder = "NAME: VALUE",
     .repeated = true,
     .help = "Header of the handshake; may be repeated"},
    {.name = "--origin", .placeholder = "ORIGIN", .help = "Header Origin of the handshake"},
    {.name = "--sources",
     .placeholder = "ADDRESSES",
     .help = "Local addresses, as 10.0.0.1-10.0.0.8: one has no more than 28,000 ports"},
    {.name = "--compress", .takes = Takes::nothing, .help = "Offer permessage-deflate"},
    proxy_option,
    ca_option,
    insecure_option,
    {.name = "--server-pid",
     .placeholder = "PID",
     .help = "Processes of the server on this machine, between commas: shows their CPU time"},
    {.name = "--json", .takes = Takes::nothing, .help = "Print the result as one JSON object"},
};
inline constexpr ArgumentRow bench_arguments[] = {
    {.name = "URL", .help = "ws://, wss://, http://, https:// or ws+unix:PATH:TARGET"},
};
inline constexpr ExitRow bench_exits[] = {
    {0, "The load ran, and nothing went wrong."},
    {1, "There were errors, or the server could not be reached; the result is printed."},
    {2, "The command line is wrong."},
};
inline constexpr std::string_view bench_examples[] = {
    "starling bench ws://localhost:8080/echo --connections 100 --seconds 5",
    "starling bench ws://localhost:8080/echo --rate 10000",
};

}  // namespace starling::app
