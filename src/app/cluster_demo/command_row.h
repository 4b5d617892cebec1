// app/cluster_demo/command_row.h: `starling cluster-demo` in the table of the commands. Only command_table.cpp
// includes it.
#pragma once

#include "app/command_table.h"

namespace starling::app {

inline constexpr OptionRow cluster_demo_options[] = {
    {.name = "--nodes", .placeholder = "N", .help = "Number of nodes, 1 to 9 (3)"},
    {.name = "--port",
     .placeholder = "N",
     .help = "Port of the page (8080, or the next free one); the nodes take the ports after it"},
    {.name = "--mode",
     .placeholder = "MODE",
     .takes = Takes::word,
     .words = "native classic sharded streams",
     .help = "How Socket.IO reaches other nodes: native, classic, sharded or streams (native)"},
    {.name = "--redis",
     .placeholder = "URL",
     .help = "A Redis that is there, as redis://127.0.0.1:6379; else the demo starts one"},
    {.name = "--redis-server",
     .placeholder = "FILE",
     .takes = Takes::file,
     .help = "The program of the demo's Redis; else redis-server or valkey-server in PATH"},
};
inline constexpr ExitRow cluster_demo_exits[] = {
    {0, "A signal has ended the demo and all its processes."},
    {2,
     "The command line is wrong, there is no Redis, the port is taken, or no node starts; one line "
     "says what."},
};
inline constexpr std::string_view cluster_demo_examples[] = {
    "starling cluster-demo --nodes 3",
};

inline constexpr CommandRow cluster_demo_command{
    Action::cluster_demo,
    "cluster-demo",
    "Run a cluster on this machine, with a page that kills its nodes",
    "Starts the nodes and a Redis of its own, on 127.0.0.1 alone. The page talks over all nodes, "
    "shows "
    "their state, and has buttons that kill, freeze and restart them. Ctrl-C ends all processes.",
    cluster_demo_options,
    {},
    cluster_demo_exits,
    cluster_demo_examples};

}  // namespace starling::app
