// The configuration: every fault with its exact line, and the precedence of the sources.
#include "app/config/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace starling::app {
namespace {

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::filesystem::path repository() { return STARLING_REPOSITORY; }

// "": the text is a valid configuration.
std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("dir/s.yaml", text) && config.finish() ? "" : config.error();
}

struct FaultCase {
    const char* text;
    const char* line;
};

const FaultCase fault_cases[] = {
    {"workers: 2\nwokers: 2\n",
     "dir/s.yaml:2: key 'wokers': is not known (did you mean 'workers'?)"},
    {"colour: red\n", "dir/s.yaml:1: key 'colour': is not known"},
    {"workers: 2\nroot: .\nworkers: 3\n",
     "dir/s.yaml:3: key 'workers': appears twice (first in line 1)"},
    {"workers: many\n", "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers: -1\n", "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers: 1025\n", "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers: 1.5\n", "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers: '1'\n", "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers: 99999999999999999999\n",
     "dir/s.yaml:1: key 'workers': must be an integer from 0 to 1024"},
    {"workers:\n", "dir/s.yaml:1: key 'workers': has no value"},
    {"workers: [1]\n", "dir/s.yaml:1: key 'workers': must be one value: integer, 0 to 1024"},
    {"workers: {a: 1}\n", "dir/s.yaml:1: key 'workers': must be one value: integer, 0 to 1024"},
    {"access_log: yes\n", "dir/s.yaml:1: key 'access_log': must be true or false"},
    {"access_log: 'true'\n", "dir/s.yaml:1: key 'access_log': must be true or false"},
    {"drain_timeout_s: 1h\n",
     "dir/s.yaml:1: key 'drain_timeout_s': must be a number of seconds from 0 to 86400"},
    {"drain_timeout_s: -1\n",
     "dir/s.yaml:1: key 'drain_timeout_s': must be a number of seconds from 0 to 86400"},
    {"drain_timeout_s: 0.0001\n",
     "dir/s.yaml:1: key 'drain_timeout_s': must be a number of seconds from 0 to 86400"},
    {"stalled_timeout_s: 0\n",
     "dir/s.yaml:1: key 'stalled_timeout_s': must be a number of seconds from 0.1 to 3600"},
    {"log:\n  level: loud\n",
     "dir/s.yaml:2: key 'log.level': must be debug, info, warn, error or off"},
    {"log: {level: info, format: xml}\n", "dir/s.yaml:1: key 'log.format': must be text or json"},
    {"log: text\n", "dir/s.yaml:1: key 'log': must be a mapping of keys and values"},
    {"log: [level]\n", "dir/s.yaml:1: key 'log': must be a mapping of keys and values"},
    {"log:\n  levle: info\n",
     "dir/s.yaml:2: key 'log.levle': is not known (did you mean 'level'?)"},
    {"log:\n  path: \"a\\nb\"\n",
     "dir/s.yaml:2: key 'log.path': must not contain control characters"},
    {"log:\n  path: /a\n  queue_lines_max: 1\n",
     "dir/s.yaml:3: key 'log.queue_lines_max': must be an integer from 16 to 65536"},
    {"http:\n  cors:\n    origins:\n      - \"*\"\n      - example.com\n",
     "dir/s.yaml:5: key 'http.cors.origins[1]': must be an origin like https://example.com, or "
     "*"},
    {"http:\n  cors: {origins: '*'}\n", "dir/s.yaml:2: key 'http.cors.origins': must be a list"},
    {"http:\n  cors: {origins: [[a]]}\n", "dir/s.yaml:2: key 'http.cors.origins[0]': must be text"},
    {"http:\n  cors: {methods: [\"GE T\"]}\n",
     "dir/s.yaml:2: key 'http.cors.methods[0]': must be a token: letters, digits and "
     "!#$%&'*+-.^_`|~"},
    {"http:\n  cors:\n    origins: [\"*\"]\n    credentials: true\n",
     "dir/s.yaml:4: key 'http.cors.credentials': must be false where http.cors.origins holds "
     "\"*\""},
    {"listen: nonsense\n", "dir/s.yaml:1: key 'listen': must be a list"},
    {"listen: []\n", "dir/s.yaml:1: key 'listen': must hold an address"},
    {"listen:\n  - nonsense\n",
     "dir/s.yaml:2: key 'listen[0]': must be an address like 127.0.0.1:8080, [::1]:8080, :8080 "
     "or unix:/path"},
    {"listen:\n  - tls: false\n", "dir/s.yaml:2: key 'listen[0].address': is missing"},
    {"listen:\n  - address: \":80\"\n    tls: maybe\n",
     "dir/s.yaml:3: key 'listen[0].tls': must be auto, true or false"},
    {"listen:\n  - address: \":80\"\n    tls: true\n",
     "dir/s.yaml:3: key 'listen[0].tls': needs a certificate: tls.certificates is empty"},
    {"listen:\n  - \":80\"\n  - \":80\"\n",
     "dir/s.yaml:3: key 'listen[1]': is the same address as listen[0]"},
    {"listen:\n  - {address: \":80\", mode: 0660}\n",
     "dir/s.yaml:2: key 'listen[0].mode': is for Unix-domain sockets alone"},
    {"listen:\n  - {address: \"unix:/a\", mode: 0680}\n",
     "dir/s.yaml:2: key 'listen[0].mode': must be octal digits like 0660, at most 0777"},
    {"listen:\n  - {address: \"unix:/a\", mode: 01000}\n",
     "dir/s.yaml:2: key 'listen[0].mode': must be octal digits like 0660, at most 0777"},
    {"origins: [\"https://a/b\"]\n",
     "dir/s.yaml:1: key 'origins[0]': must be an origin like https://example.com or "
     "https://*.example.com, or *"},
    {"listen:\n  - ~\n", "dir/s.yaml:2: key 'listen[0]': must be a mapping of keys and values"},
    {"root: nowhere\n",
     "dir/s.yaml:1: key 'root': cannot open folder 'dir/nowhere': No such file or directory"},
    {"tls:\n  certificates:\n    - cert: /nowhere/a.pem\n      key: b\n",
     "dir/s.yaml:3: key 'tls.certificates[0].cert': cannot read '/nowhere/a.pem': No such file "
     "or directory"},
    {"tls:\n  certificates:\n    - cert: /dev/null\n      key: b\n",
     "dir/s.yaml:3: key 'tls.certificates[0].cert': cannot read '/dev/null': not a file"},
    {"tls:\n  certificates:\n    - cert: a\n",
     "dir/s.yaml:3: key 'tls.certificates[0].key': is missing"},
    {"tls:\n  certificates: a.pem\n", "dir/s.yaml:2: key 'tls.certificates': must be a list"},
    {"websocket: {path: /a}\n", "dir/s.yaml:1: key 'websocket': must be a list"},
    {"websocket:\n  - /a\n",
     "dir/s.yaml:2: key 'websocket[0]': must be a mapping of keys and values"},
    {"websocket:\n  - path: /a\n", "dir/s.yaml:2: key 'websocket[0].kind': is missing"},
    {"websocket:\n  - path: /a\n    kind: echo\n  - kind: chat\n",
     "dir/s.yaml:4: key 'websocket[1].path': is missing"},
    {"websocket:\n  - path: a\n    kind: echo\n",
     "dir/s.yaml:2: key 'websocket[0].path': must be a path like /echo of at most 200 bytes"},
    {"websocket:\n  - path: /healthz\n    kind: echo\n",
     "dir/s.yaml:2: key 'websocket[0].path': must be another path: this one is reserved"},
    {"websocket:\n  - path: /a\n    kind: eko\n",
     "dir/s.yaml:3: key 'websocket[0].kind': must be echo, chat or broadcast"},
    {"websocket:\n  - {path: /a, kind: echo}\n  - {path: /a, kind: chat}\n",
     "dir/s.yaml:3: key 'websocket[1].path': is the same path as websocket[0].path"},
    {"websocket:\n  - path: /a\n    kind: echo\n    fragments_max: 0\n",
     "dir/s.yaml:4: key 'websocket[0].fragments_max': must be an integer from 1 to 16777216"},
    {"websocket:\n  - path: /a\n    kind: echo\n    on_slow: wait\n",
     "dir/s.yaml:4: key 'websocket[0].on_slow': must be close or drop"},
    {"websocket:\n  - path: /a\n    kind: echo\n    origins: [\"https://a/b\"]\n",
     "dir/s.yaml:4: key 'websocket[0].origins[0]': must be an origin like https://example.com "
     "or https://*.example.com, or *"},
    {"websocket:\n  - path: /a\n    kind: echo\n    compression:\n      window_bits: 8\n",
     "dir/s.yaml:5: key 'websocket[0].compression.window_bits': must be an integer from 9 to "
     "15"},
    {"websocket:\n  - path: /a\n    kind: echo\n    compression:\n      enable: true\n",
     "dir/s.yaml:5: key 'websocket[0].compression.enable': is not known (did you mean "
     "'enabled'?)"},
    {"- a\n", "dir/s.yaml:1: must be keys and values"},
    {"workers: &a 1\n", "dir/s.yaml:1: not valid: anchors are not supported"},
    {"workers: 1\nroot: *a\n", "dir/s.yaml:2: not valid: the referenced anchor is not defined"},
    {"workers: !!int 1\n", "dir/s.yaml:1: not valid: tags are not supported"},
    {"workers: 1\n---\nworkers: 2\n",
     "dir/s.yaml:2: not valid: only one document may stand in the file"},
    {"? [a]\n: 1\n", "dir/s.yaml:1: not valid: a key must be text"},
};

TEST(ConfigFile, NamesFileLineAndKeyOfAFault) {
    for (const FaultCase& c : fault_cases) EXPECT_EQ(fault_of(c.text), c.line) << c.text;
}

TEST(ConfigFile, NamesTheLineOfASyntaxError) {
    for (const char* text : {"workers: 1\n\tlisten: [\n", "workers: 1\nlog: {level\n"}) {
        std::string fault = fault_of(text);
        EXPECT_TRUE(fault.starts_with("dir/s.yaml:2: not valid: ") ||
                    fault.starts_with("dir/s.yaml:3: not valid: "))
            << fault;
        EXPECT_EQ(fault.find('\n'), std::string::npos);
    }
    std::string deep;
    for (int i = 0; i < 10000; ++i) deep += "{a: ";
    EXPECT_EQ(fault_of("listen: " + deep), "dir/s.yaml:1: not valid: nested too deeply");
    EXPECT_TRUE(
        fault_of("listen: " + std::string(10000, '[')).starts_with("dir/s.yaml:1: not valid: "));
}

TEST(ConfigFile, AcceptsWhatIsRight) {
    for (const char* text :
         {"", "# a comment\n", "{}", "tls:\nlog:\nwebsocket:\n", "drain_timeout_s: 0.25\n",
          "listen: [\"[::]:80\", \":0\", \":0\", \"localhost:1\", \"unix:/x\"]\n",
          R"({"workers": 1, "log": {"level": "info"}, "listen": [{"address": "127.0.0.1:0"}]})",
          "websocket: [{path: \"/rooms/:room\", kind: chat}]\n"})
        EXPECT_EQ(fault_of(text), "") << text;
}

TEST(ConfigFile, SaysWhyItCannotBeRead) {
    Config none, folder;
    EXPECT_FALSE(none.read_file("/nowhere/s.yaml"));
    EXPECT_EQ(none.error(),
              "starling: cannot read configuration '/nowhere/s.yaml': No such file or directory");
    EXPECT_FALSE(folder.read_file("/"));
    EXPECT_EQ(folder.error(), "starling: cannot read configuration '/': Is a directory");
}

TEST(ConfigFile, ReadsTheAccessToASocketFile) {
    for (const char* mode : {"0660", "660", "\"0660\""}) {
        Config config;
        ASSERT_TRUE(
            config.read_text("s.yaml", std::string("listen: [{address: \"unix:/a\", mode: ") +
                                           mode + ", owner: root, group: \"33\"}]") &&
            config.finish())
            << config.error();
        const Listen& listen = config.settings().server.listen.front();
        EXPECT_EQ(listen.mode, 0660u);
        EXPECT_EQ(listen.owner + ":" + listen.group, "root:33");
    }
}

TEST(ConfigFile, StoresEveryValue) {
    Config config;
    ASSERT_TRUE(config.read_text("/etc/starling/s.yaml", R"(
listen: ["127.0.0.1:1", {address: "[::1]:2", tls: false}]
workers: 3
access_log: true
access_log_masked: [pin]
origins: ["file://", "null", "capacitor://localhost", "wss://*.example.com"]
drain_timeout_s: 1.5
log: {level: debug, format: json, path: logs/a.log, queue_lines_max: 99}
tls: {certificates: [{cert: a.pem, key: /b.key}], ciphers: ECDHE+AES256}
http: {body_bytes_max: 5, head_timeout_s: 0.1, cors: {origins: ["https://a.b"], max_age_s: 7}}
websocket:
  - {path: /a, kind: broadcast, message_bytes_max: 16777216, fragments_max: 300000, on_slow: drop,
     origins: ["*"], subprotocols: [x, y], compression: {enabled: true, window_bits: 9, level: 1}}
  - {path: /b, kind: chat, ping_interval_s: 0}
cluster: {url: "redis://127.0.0.1", mode: classic, node_engine: true, engine_prefix: e, engine_response_timeout_s: 2.5}
)")) << config.error();
    const Settings& s = config.settings();
    ASSERT_EQ(s.server.listen.size(), 2u);
    EXPECT_EQ(s.server.listen[0].address, "127.0.0.1:1");
    EXPECT_EQ(s.server.listen[0].tls, Listen::Tls::automatic);
    EXPECT_EQ(s.server.listen[1].address, "[::1]:2");
    EXPECT_EQ(s.server.listen[1].tls, Listen::Tls::off);
    EXPECT_EQ(s.server.workers, 3u);
    EXPECT_TRUE(s.server.access_log);
    EXPECT_EQ(s.server.access_log_masked, std::vector<std::string>{"pin"});
    EXPECT_EQ(s.origins.size(), 4u);
    EXPECT_EQ(s.server.tls_ciphers, "ECDHE+AES256");
    EXPECT_EQ(s.server.drain_timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(s.log.level, log::Level::debug);
    EXPECT_EQ(s.log.format, log::Format::json);
    EXPECT_EQ(s.log.path, "/etc/starling/logs/a.log");
    EXPECT_EQ(s.log.queue_lines_max, 99u);
    ASSERT_EQ(s.server.certificates.size(), 1u);
    EXPECT_EQ(s.server.certificates[0].certificate_chain_path, "/etc/starling/a.pem");
    EXPECT_EQ(s.server.certificates[0].private_key_path, "/b.key");
    EXPECT_EQ(s.server.http.body_bytes_max, 5u);
    EXPECT_EQ(s.server.http.head_timeout, std::chrono::milliseconds(100));
    EXPECT_EQ(s.cors.origins, std::vector<std::string>{"https://a.b"});
    EXPECT_EQ(s.cors.max_age_s, 7);
    ASSERT_EQ(s.websocket.size(), 2u);
    const ws::Route& first = s.websocket[0].limits;
    EXPECT_EQ(s.websocket[0].path, "/a");
    EXPECT_EQ(s.websocket[0].kind, Kind::broadcast);
    EXPECT_EQ(first.message_bytes_max, 16777216u);
    EXPECT_EQ(first.fragments_max, 300000u);
    EXPECT_EQ(first.on_full, ws::OnFull::drop);
    EXPECT_EQ(first.origins, std::vector<std::string>{"*"});
    EXPECT_EQ(first.subprotocols, (std::vector<std::string>{"x", "y"}));
    EXPECT_TRUE(first.compression.enabled);
    EXPECT_EQ(first.compression.window_bits, 9);
    EXPECT_EQ(s.websocket[1].kind, Kind::chat);
    EXPECT_EQ(s.websocket[1].limits.ping_interval, std::chrono::milliseconds(0));
    EXPECT_EQ(s.websocket[1].limits.message_bytes_max, 1'000'000u);
    EXPECT_TRUE(s.cluster.socketio.node_engine);
    EXPECT_EQ(s.cluster.socketio.engine_prefix, "e");
    EXPECT_EQ(s.cluster.socketio.engine_response_timeout, std::chrono::milliseconds(2500));
}

TEST(ConfigEnvironment, ReadsVariables) {
    Config config;
    ASSERT_TRUE(
        config.read_environment({{"STARLING_WORKERS", "4"},
                                 {"STARLING_LISTEN", "127.0.0.1:1, [::1]:2"},
                                 {"STARLING_LOG_LEVEL", "warn"},
                                 {"STARLING_LOG__FORMAT", "json"},
                                 {"STARLING_HTTP__BODY_BYTES_MAX", "77"},
                                 {"STARLING_HTTP__CORS__ORIGINS", "https://a.b,https://c.d"},
                                 {"STARLING_DEMO", "true"},
                                 {"STARLING_ROOT", ""},
                                 {"PATH", "/bin"}}))
        << config.error();
    const Settings& s = config.settings();
    EXPECT_EQ(s.server.workers, 4u);
    ASSERT_EQ(s.server.listen.size(), 2u);
    EXPECT_EQ(s.server.listen[1].address, "[::1]:2");
    EXPECT_EQ(s.log.level, log::Level::warn);
    EXPECT_EQ(s.log.format, log::Format::json);
    EXPECT_EQ(s.server.http.body_bytes_max, 77u);
    EXPECT_EQ(s.cors.origins, (std::vector<std::string>{"https://a.b", "https://c.d"}));
    EXPECT_TRUE(s.demo);
    EXPECT_TRUE(config.warnings().empty());
}

struct VariableCase {
    const char *name, *value, *line;
};

TEST(ConfigEnvironment, NamesTheVariableOfAFault) {
    const VariableCase cases[] = {
        {"STARLING_WORKERS", "x",
         "starling: environment variable STARLING_WORKERS: must be an integer from 0 to 1024"},
        {"STARLING_LISTEN", ":80,zzz",
         "starling: environment variable STARLING_LISTEN: must be an address like 127.0.0.1:8080, "
         "[::1]:8080, :8080 or unix:/path"},
        {"STARLING_LOG_FORMAT", "xml",
         "starling: environment variable STARLING_LOG_FORMAT: must be text or json"},
        {"STARLING_HTTP__CORS__METHODS", "GET,,",
         "starling: environment variable STARLING_HTTP__CORS__METHODS: must be a token: letters, "
         "digits and !#$%&'*+-.^_`|~"},
        {"STARLING_ROOT", "/nowhere",
         "starling: environment variable STARLING_ROOT: cannot open folder '/nowhere': No such "
         "file or directory"},
        {"STARLING_TLS_CERT", "/nowhere",
         "starling: environment variable STARLING_TLS_CERT: needs the private key too"},
        {"STARLING_TLS_KEY", "/nowhere",
         "starling: environment variable STARLING_TLS_KEY: needs the certificate too"},
    };
    for (const VariableCase& c : cases) {
        Config config;
        EXPECT_FALSE(config.read_environment({{c.name, c.value}}) && config.finish()) << c.name;
        EXPECT_EQ(config.error(), c.line);
    }
}

TEST(ConfigEnvironment, WarnsOfUnknownVariables) {
    Config config;
    ASSERT_TRUE(
        config.read_environment({{"STARLING_WORKRES", "1"}, {"STARLING_SERVICE_ADDRESS", "x"}}));
    EXPECT_EQ(config.warnings(),
              (std::vector<std::string>{
                  "starling: environment variable STARLING_WORKRES is not known (did you mean "
                  "STARLING_WORKERS?)",
                  "starling: environment variable STARLING_SERVICE_ADDRESS is not known"}));
}

TEST(ConfigPrecedence, FlagsBeatEnvironmentBeatsFileBeatsDefaults) {
    const char* file = "workers: 5\nlisten: [\":5\"]\nlog: {level: debug}\nhttp: {fields_max: 5}\n";
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", file));
    ASSERT_TRUE(config.read_environment(
        {{"STARLING_WORKERS", "6"}, {"STARLING_LISTEN", ":6"}, {"STARLING_LOG_LEVEL", "warn"}}));
    ASSERT_TRUE(config.set("--workers", "workers", {"7"}));
    ASSERT_TRUE(config.set("--listen", "listen", {":7", ":8"}));
    const Settings& s = config.settings();
    EXPECT_EQ(s.server.workers, 7u);
    ASSERT_EQ(s.server.listen.size(), 2u);
    EXPECT_EQ(s.server.listen[0].address, ":7");
    EXPECT_EQ(s.log.level, log::Level::warn);
    EXPECT_EQ(s.server.http.fields_max, 5u);
    EXPECT_EQ(s.server.http.head_bytes_max, 16u * 1024);
    EXPECT_FALSE(config.set("--workers", "workers", {"-3"}));
    EXPECT_EQ(config.error(), "starling: --workers: must be an integer from 0 to 1024");
}

// ---- the example and the documentation ----------------------------------------------------------

// The example with its commented list elements uncommented.
std::string uncommented(std::string text) {
    std::istringstream lines(text);
    std::string live;
    bool behind = false;
    for (std::string line; std::getline(lines, line);) {
        bool element = behind && line.starts_with("#  ");
        bool list = line == "websocket: []";
        behind = behind || list;
        live += (list ? "websocket:" : element ? line.substr(1) : line) + "\n";
    }
    return live;
}

const Yaml* member(const Yaml& node, std::string_view name) {
    for (const Yaml& child : node.children)
        if (child.name == name) return &child;
    return nullptr;
}

std::string written(const Yaml& node) {
    if (node.kind == Yaml::Kind::scalar) return node.quoted ? '"' + node.text + '"' : node.text;
    std::string all = "[";
    for (const Yaml& child : node.children) all += (all.size() > 1 ? ", " : "") + written(child);
    return all + "]";
}

TEST(ConfigExample, IsValidAndHoldsEveryKeyWithItsDefault) {
    std::string text = read(repository() / "packaging" / "starling.yaml");
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(fault_of(text), "");
    EXPECT_EQ(fault_of(uncommented(text)), "");
    YamlResult yaml = parse_yaml(uncommented(text));
    ASSERT_EQ(yaml.error, "");
    for (const Row& row : schema()) {
        std::string key(row.key);
        // Lists of two or three keys stand in comments of the example.
        if (key.find("[]") != key.npos && !key.starts_with("websocket[]")) {
            std::string name = key.substr(key.rfind('.') + 1) + ": ";
            EXPECT_NE(text.find(name), std::string::npos) << key;
            continue;
        }
        const Yaml* node = &yaml.root;
        std::istringstream path(key);
        for (std::string name; node && std::getline(path, name, '.');) {
            bool element = name.ends_with("[]");
            node = member(*node, element ? name.substr(0, name.size() - 2) : name);
            if (node && element) node = node->children.empty() ? nullptr : &node->children.front();
        }
        ASSERT_TRUE(node) << key << " is missing";
        if (row.required) continue;
        EXPECT_EQ(written(*node), describe_default(row)) << key;
    }
    const Yaml* listen = member(yaml.root, "listen");
    ASSERT_TRUE(listen);
    EXPECT_EQ(written(*listen), "[\"" + Settings{}.server.listen.front().address + "\"]");
}

TEST(ConfigDocumentation, HasARowForEveryKeyAndAWordForEveryFlag) {
    std::string text = read(repository() / "docs" / "configuration.md");
    for (const Row& row : schema()) {
        std::string value = row.required ? "required" : "`" + describe_default(row) + "`";
        std::string line = "| `" + std::string(row.key) + "` | " + describe_type(row) + " | " +
                           value + " | " + std::string(row.help) + " |\n";
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
    for (const char* flag :
         {"--config FILE", "--listen ADDR:PORT", "--workers N", "--tls-cert FILE", "--tls-key FILE",
          "--origin ORIGIN", "--root DIR", "--demo", "--data FILE", "--log-level LEVEL",
          "--log-format FORMAT", "--access-log"})
        EXPECT_NE(text.find(flag), std::string::npos) << flag;
}

}  // namespace
}  // namespace starling::app
