// Thirty wrong files: each gets one line that names the file, the line, the key and the reason. And
// what is set and has no effect.
#include <gtest/gtest.h>

#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

struct Case {
    std::string text, line;
};

const std::string short_secret = "tooshort", secret(32, 's');
const std::string echo = "websocket: [{path: /a, kind: echo, ";

const Case wrong_files[] = {
    {"wokers: 1\n", "s.yaml:1: key 'wokers': is not known (did you mean 'workers'?)"},
    {"workers: 1\nworkers: 2\n", "s.yaml:2: key 'workers': appears twice (first in line 1)"},
    {"workers: many\n", "s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers:\n", "s.yaml:1: key 'workers': has no value"},
    {"workers: '2'\n", "s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"listen: []\n", "s.yaml:1: key 'listen': must hold an address"},
    {"listen: [nonsense]\n",
     "s.yaml:1: key 'listen[0]': must be an address like 127.0.0.1:8080, [::1]:8080, :8080 or "
     "unix:/path"},
    {"listen: [\":1\", \":1\"]\n", "s.yaml:1: key 'listen[1]': is the same address as listen[0]"},
    {"listen: [{address: \":1\", tls: true}]\n",
     "s.yaml:1: key 'listen[0].tls': needs a certificate: tls.certificates is empty"},
    {"listen: [{address: \":1\", mode: 0660}]\n",
     "s.yaml:1: key 'listen[0].mode': is for Unix-domain sockets alone"},
    {"root: /nowhere\n",
     "s.yaml:1: key 'root': cannot open folder '/nowhere': No such file or directory"},
    {"tls: {certificates: [{cert: /nowhere, key: /nowhere}]}\n",
     "s.yaml:1: key 'tls.certificates[0].cert': cannot read '/nowhere': No such file or directory"},
    {"tls: {certificates: [{cert: /nowhere}]}\n",
     "s.yaml:1: key 'tls.certificates[0].key': is missing"},
    {"log: {level: loud}\n", "s.yaml:1: key 'log.level': must be debug, info, warn, error or off"},
    {"origins: [example.com]\n",
     "s.yaml:1: key 'origins[0]': must be an origin like https://example.com or "
     "https://*.example.com, or *"},
    {"trusted_proxies: [10.0.0.1/8]\n",
     "s.yaml:1: key 'trusted_proxies[0]': '10.0.0.1/8' has bits set behind its prefix"},
    {"http: {cors: {origins: [\"*\"], credentials: true}}\n",
     "s.yaml:1: key 'http.cors.credentials': must be false where http.cors.origins holds \"*\""},
    {echo + "ping: 3}]\n",
     "s.yaml:1: key 'websocket[0].ping': is not known (did you mean 'kind'?)"},
    {"websocket: [{path: /a, kind: echo}, {path: /a, kind: chat}]\n",
     "s.yaml:1: key 'websocket[1].path': is the same path as websocket[0].path"},
    {echo + "message_bytes_max: 2000000}]\n",
     "s.yaml:1: key 'websocket[0].message_bytes_max': a message (2000000 bytes) must fit into the "
     "queue (send_queue_bytes_max: 1048576)"},
    {echo + "send_queue_bytes_max: 1024}]\n",
     "s.yaml:1: key 'websocket[0].send_queue_bytes_max': a message (1000000 bytes) must fit into "
     "the queue (send_queue_bytes_max: 1024)"},
    {"events: {channels: [{pattern: a}]}\n",
     "s.yaml:1: key 'events.channels': needs events.enabled: true"},
    {"events: {enabled: true, channels: [{pattern: \"a{b}\", access: owner}]}\n",
     "s.yaml:1: key 'events.channels[0].access': needs auth.keys or auth.user_header: nobody can "
     "log in"},
    {"events: {enabled: true, channels: [{pattern: a, publishers: user}]}\n",
     "s.yaml:1: key 'events.channels[0].publishers': needs auth.keys or auth.user_header: nobody "
     "can log in"},
    {"auth:\n  keys:\n    - secret: " + short_secret + "\n",
     "s.yaml:3: key 'auth.keys[0].secret': the secret of HS256 must have 32 bytes at least, it has "
     "8"},
    {"auth: {keys: [{id: a}]}\n", "s.yaml:1: key 'auth.keys[0]': needs one of 'secret' and 'path'"},
    {"auth: {user_header: X-User}\n",
     "s.yaml:1: key 'auth.user_header': needs trusted_proxies: no proxy is believed"},
    {"gateway: {enabled: true, routes: [{user_header: X-User, trusted_proxies: []}]}\n",
     "s.yaml:1: key 'gateway.routes[0].user_header': needs trusted_proxies: no proxy is believed"},
    {"gateway: {routes: [{path: /ws}]}\n",
     "s.yaml:1: key 'gateway.routes': needs gateway.enabled: true"},
    {"gateway: {enabled: true, routes: [{queue_bytes_max: 1024}]}\n",
     "s.yaml:1: key 'gateway.routes[0].queue_bytes_max': a message (1000000 bytes) must fit into "
     "the queue (queue_bytes_max: 1024)"},
    {"admin: {key: a, key_file: b}\n",
     "s.yaml:1: key 'admin.key_file': excludes admin.key: set one of the two"},
};

TEST(WrongFiles, GetOneRightLineEach) {
    EXPECT_GE(std::size(wrong_files), 30u);
    for (const Case& one : wrong_files) {
        Config config;
        const bool valid = config.read_text("s.yaml", one.text) && config.finish();
        EXPECT_FALSE(valid) << one.text;
        EXPECT_EQ(config.error(), one.line) << one.text;
    }
}

TEST(ConfigWarnings, TellWhatHasNoEffect) {
    const Case cases[] = {
        {"workers: 1\n", ""},
        {"events: {heartbeat_s: 5}\n",
         "s.yaml:1: key 'events.heartbeat_s': has no effect without events.enabled: true"},
        {"events: {enabled: true, heartbeat_s: 5}\n", ""},
        {"access_log_format: common\n",
         "s.yaml:1: key 'access_log_format': has no effect without access_log: true"},
        {"access_log: true\nlog: {level: warn}\n",
         "s.yaml:1: key 'access_log': has no effect without log.level: info"},
        {"admin: {enabled: false, hosts: [a]}\n",
         "s.yaml:1: key 'admin.hosts': has no effect without admin.enabled: true"},
        {"demo_data: a\n", "s.yaml:1: key 'demo_data': has no effect without demo: true"},
        {"http: {cors: {max_age_s: 5}}\n",
         "s.yaml:1: key 'http.cors.max_age_s': has no effect without http.cors.origins"},
    };
    for (const Case& one : cases) {
        Config config;
        EXPECT_TRUE(config.read_text("s.yaml", one.text) && config.finish()) << config.error();
        EXPECT_EQ(config.warnings().empty() ? "" : config.warnings().front(), one.line) << one.text;
    }
}

}  // namespace
}  // namespace starling::app
