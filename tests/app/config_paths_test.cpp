// Paths that servers of different kinds would share.
#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

TEST(ConfigPaths, OfDifferentKindsAreCompared) {
    const std::string io = "socketio: [{kind: broadcast}]\n";
    const std::string gateway = "gateway: {enabled: true, routes: [{application: \"\", ";
    const std::string sites = "sites: [{hosts: [a]}, {hosts: [b]}]\n";
    const struct {
        std::string text, line;  // "": the configuration is valid.
    } cases[] = {
        {io + "websocket: [{path: /socket.io/, kind: echo}]",
         "s.yaml:1: key 'socketio[0]': is the same path as websocket[0].path"},
        {"websocket: [{path: /io, kind: echo}]\nsocketio: [{path: /io/, kind: broadcast}]",
         "s.yaml:2: key 'socketio[0].path': is the same path as websocket[0].path"},
        {"websocket: [{path: /io/, kind: echo}]\nsocketio: [{path: /io, kind: broadcast}]",
         "s.yaml:2: key 'socketio[0].path': is the same path as websocket[0].path"},
        {"websocket: [{path: /ws, kind: echo}]\n" + gateway + "path: /ws}]}",
         "s.yaml:2: key 'gateway.routes[0].path': is the same path as websocket[0].path"},
        {"websocket: [{path: /io, kind: echo}]\n" + gateway + "path: /io/, kind: socketio}]}",
         "s.yaml:2: key 'gateway.routes[0].path': is the same path as websocket[0].path"},
        {gateway + "path: /ws}]}\nsocketio: [{path: /ws/, kind: broadcast}]",
         "s.yaml:2: key 'socketio[0].path': is the same path as gateway.routes[0].path"},
        {gateway + "path: /a}, {application: \"\", path: /a/, kind: socketio}]}",
         "s.yaml:1: key 'gateway.routes[1].path': is the same path as gateway.routes[0].path"},
        {"demo: true\nwebsocket: [{path: /socket.io/, kind: echo}]",
         "s.yaml:2: key 'websocket[0].path': is the path of the demo's chat over Socket.IO"},
        // A WebSocket path of one site would take a method of the Socket.IO server of all sites.
        {sites + io + "websocket: [{path: /socket.io/, kind: echo, site: a}]",
         "s.yaml:2: key 'socketio[0]': is the same path as websocket[0].path"},
        {sites + "websocket: [{path: /io/, kind: echo}]\nsocketio: [{path: /io/, kind: broadcast, "
                 "site: a}]",
         "s.yaml:3: key 'socketio[0].path': is the same path as websocket[0].path"},
        // Different paths, or different sites.
        {io + "websocket: [{path: \"/:room\", kind: echo}, {path: /socket.io/a, kind: echo}]", ""},
        {sites + "websocket: [{path: /io/, kind: echo, site: a}]\n"
                 "socketio: [{path: /io/, kind: broadcast, site: b}]",
         ""},
        {sites + "websocket: [{path: /ws, kind: echo, site: a}]\n" + gateway + "path: /ws}]}", ""},
        {gateway + "path: /socket.io/, kind: socketio}]}\nsocketio: [{kind: gateway}]", ""},
        {"demo: true\nwebsocket: [{path: /socket, kind: echo}]", ""},
    };
    for (const auto& one : cases) EXPECT_EQ(fault_of(one.text), one.line) << one.text;
}

}  // namespace
}  // namespace starling::app
