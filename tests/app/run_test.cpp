// The program without a process: exit codes and output.
#include "app/run.h"
#include "app/command_line.h"
#include "app/site.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace starling::app {
namespace {

struct Outcome {
    int code;
    std::string out, err;
};

Outcome run_with(const std::vector<std::string>& args, const Environment& environment = {},
                 const std::string& executable = "/nowhere/starling") {
    std::istringstream in;
    std::ostringstream out, err;
    int code = run(args, environment, executable, {in, out, err});
    return {code, out.str(), err.str()};
}

class RunFolder : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "starling-run-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string write(const std::string& name, const std::string& text) {
        std::filesystem::create_directories(
            std::filesystem::path(folder_ + "/" + name).parent_path());
        std::ofstream(folder_ + "/" + name) << text;
        return folder_ + "/" + name;
    }
    std::string folder_;
};

struct WrongCase {
    std::vector<std::string> args;
    const char* line;
};

TEST(Run, AWrongCommandLineIsOneLine) {
    const WrongCase cases[] = {
        {{"serve", "--nonsense"}, "--nonsense"},
        {{"serve", "--workers"}, "--workers"},
        {{"serve", "--workers", "x"}, "starling: --workers: must be an integer from 0 to 1024"},
        {{"serve", "--listen", "zzz"},
         "starling: --listen: must be an address like 127.0.0.1:8080, [::1]:8080, :8080 or "
         "unix:/path"},
        {{"serve", "--tls-cert", "/a.pem"}, "starling: --tls-cert: needs the private key too"},
        {{"serve", "--root", "/nowhere"},
         "starling: --root: cannot open folder '/nowhere': No such file or directory"},
        {{"serve", "--log-level", "loud"},
         "starling: --log-level: must be debug, info, warn, error or off"},
        {{"serve", "extra"}, "extra"},
        {{"serve", "--config", ""},
         "starling: cannot read configuration '': No such file or directory"},
        {{"fly"}, "fly"},
        {{"check-config"}, "starling: check-config needs a FILE"},
        {{"check-config", "/nowhere.yaml"},
         "starling: cannot read configuration '/nowhere.yaml': No such file or directory"},
    };
    for (const WrongCase& c : cases) {
        Outcome outcome = run_with(c.args);
        EXPECT_EQ(outcome.code, 2) << c.line;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find(c.line), std::string::npos) << outcome.err;
        EXPECT_TRUE(outcome.err.starts_with("starling: ")) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
}

TEST(Run, HelpAndVersion) {
    Outcome version_of = run_with({"--version"});
    EXPECT_EQ(version_of.code, 0);
    EXPECT_TRUE(version_of.out.starts_with("starling " + std::string(version()))) << version_of.out;
    EXPECT_NE(version_of.out.find("\nOpenSSL 3."), std::string::npos) << version_of.out;
    EXPECT_NE(version_of.out.find(", SQLite 3."), std::string::npos) << version_of.out;
    Outcome help = run_with({"--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("starling serve --demo"), std::string::npos) << help.out;
    Outcome serve_help = run_with({"serve", "--help"});
    EXPECT_EQ(serve_help.code, 0);
    EXPECT_NE(serve_help.out.find("--listen ADDR:PORT"), std::string::npos) << serve_help.out;
    Outcome nothing = run_with({});
    EXPECT_EQ(nothing.code, 2);
    EXPECT_EQ(nothing.err, help.out);
}

TEST(CommandLine, EveryFlagReachesItsKey) {
    CommandLine line = parse_command_line(
        {"serve",       "--config",   "a.yaml", "--listen",    ":1",   "--listen=:2",  "--workers",
         "3",           "--tls-cert", "c",      "--tls-key",   "k",    "--root",       "r",
         "--demo",      "--data",     "d",      "--log-level", "warn", "--log-format", "json",
         "--access-log"});
    EXPECT_EQ(line.action, CommandLine::Action::serve) << line.text;
    EXPECT_EQ(line.config, "a.yaml");
    std::string all;
    for (const Flag& flag : line.flags) {
        all += flag.flag + ">" + flag.key + "=";
        for (const std::string& value : flag.values) all += value + " ";
    }
    EXPECT_EQ(all,
              "--listen>listen=:1 :2 --workers>workers=3 --tls-cert>tls_cert=c --tls-key>tls_key=k "
              "--root>root=r --data>demo_data=d "
              "--log-level>log.level=warn --log-format>log.format=json --demo>demo=true "
              "--access-log>access_log=true ");
}

TEST_F(RunFolder, CheckConfig) {
    std::string good = write("good.yaml", "websocket: [{path: /echo, kind: echo}]\nroot: .\n");
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"check-config", good}, {"check-config", "--config", good}}) {
        // check-config reads only the file.
        Outcome outcome = run_with(args, {{"STARLING_WORKERS", "wrong"}});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, good + ": the configuration is valid\n");
    }
    std::string bad = write("bad.yaml", "workers: 1\nlissen: []\n");
    Outcome outcome = run_with({"check-config", bad});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, bad + ":2: key 'lissen': is not known (did you mean 'listen'?)\n");
}

TEST_F(RunFolder, ACertificateThatIsNoneAndRoutesThatExcludeEachOtherAreFound) {
    write("a.pem", "nothing\n");
    std::string tls = write("tls.yaml", "tls:\n  certificates: [{cert: a.pem, key: a.pem}]\n");
    Outcome outcome = run_with({"check-config", tls});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_TRUE(outcome.err.starts_with(tls + ":2: key 'tls.certificates': ")) << outcome.err;
    EXPECT_NE(outcome.err.find(folder_ + "/a.pem"), std::string::npos) << outcome.err;
    std::string site =
        write("site.yaml",
              "listen: [{address: \":1\", tls: true}]\nsites:\n  - hosts: [a.example]\n"
              "  - hosts: [b.example]\n    cert: a.pem\n    key: a.pem\n");
    outcome = run_with({"check-config", site});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_TRUE(outcome.err.starts_with(site + ":5: key 'sites[1].cert': ")) << outcome.err;
    std::string same =
        write("same.yaml",
              "websocket:\n  - {path: \"/:a\", kind: echo}\n  - {path: \"/:b\", kind: echo}\n");
    outcome = run_with({"check-config", same});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_TRUE(outcome.err.starts_with(same + ":3: key 'websocket[1].path': ")) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

// What the library says of its options, at the key that has the name of the option.
TEST_F(RunFolder, AFaultOfAPartIsAtItsKey) {
    const std::string secret(32, 's'), long_name(3000, 'x');
    const std::string login = "auth:\n  keys:\n    - secret: " + secret + "\n";
    const std::string admin =
        "socketio: [{path: /io/, kind: broadcast}]\nadmin:\n  socketio_ui:\n    enabled: true\n"
        "    password_hash: $2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2\n";
    const struct {
        std::string text, place;
    } cases[] = {
        {"events: {enabled: true}\n" + login + "  cookie: a b\n", "5: key 'auth.cookie': "},
        {"events: {enabled: true}\n" + login + "  user_claim: ''\n", "5: key 'auth.user_claim': "},
        {"events: {enabled: true}\n" + login + "      algorithm: RS256\n",
         "4: key 'auth.keys[0]': "},
        {"events: {enabled: true}\nauth:\n  user_header: X-User\n  trusted_proxies: [x]\n",
         "4: key 'auth.trusted_proxies': "},
        {"events:\n  enabled: true\n  channels:\n    - pattern: a\n    - access: anyone\n"
         "      pattern: a{b\n",
         "6: key 'events.channels[1].pattern': "},
        {"socketio:\n  - path: /io/\n    kind: broadcast\n    client_dir: " + long_name + "\n",
         "4: key 'socketio[0].client_dir': "},
        {admin + "    username: ''\n", "6: key 'admin.socketio_ui.username': "},
        {admin + "    namespace: 'a,b'\n", "6: key 'admin.socketio_ui.namespace': "},
        {"access_log: true\naccess_log_format: json\naccess_log_path: none/x\n",
         "3: key 'access_log_path': "},
        {"log:\n  path: " + long_name + "\n", "2: key 'log.path': "},
    };
    for (const auto& [text, place] : cases) {
        const std::string file = write("s.yaml", text);
        const Outcome outcome = run_with({"check-config", file});
        EXPECT_EQ(outcome.code, 2);
        EXPECT_TRUE(outcome.err.starts_with(file + ":" + place)) << text << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
}

TEST_F(RunFolder, AKeyFileThatIsTooLongIsRefusedNotCut) {
    const std::string longest(65'536, 'k');
    for (const std::string& key : {longest, longest + "\r\n", longest + "k", longest + "\nk"}) {
        const bool fits = !key.ends_with("k") || key.size() == longest.size();
        write("key", key);
        const std::string file =
            write("s.yaml", "events: {enabled: true}\nauth: {keys: [{path: key}]}\n");
        const Outcome outcome = run_with({"check-config", file});
        EXPECT_EQ(outcome.code, fits ? 0 : 2) << outcome.err;
        EXPECT_EQ(outcome.err.find("is longer than 64 KiB") == std::string::npos, fits);
    }
}

TEST(Run, TheKeyOfPublishIsNoUnknownVariable) {
    Config config;
    ASSERT_TRUE(config.read_environment({{"STARLING_KEY", "k"}, {"STARLING_KEYS", "k"}}));
    ASSERT_EQ(config.warnings().size(), 1U);
    EXPECT_NE(config.warnings()[0].find("STARLING_KEYS is not known"), std::string::npos);
}

TEST_F(RunFolder, APortInUseIsOneLine) {
    int holder = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(holder, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(holder, 1), 0);
    ASSERT_EQ(::getsockname(holder, reinterpret_cast<sockaddr*>(&address), &size), 0);
    std::string where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    Outcome outcome = run_with({"serve", "--listen", where});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "starling: --listen: cannot listen on " + where + ": Address already in use\n");
    ::close(holder);
}

// Whoever holds the port, this test or a starling of this machine.
TEST_F(RunFolder, ThePortOfAdminListenersIsSaidToBeOne) {
    const int holder = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(8081);
    if (::bind(holder, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        ASSERT_EQ(::listen(holder, 1), 0);
    const Outcome outcome = run_with({"serve", "--listen", "127.0.0.1:8081"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(
        outcome.err,
        "starling: --listen: cannot listen on 127.0.0.1:8081: Address already in use; another "
        "starling may have its admin listener there, see admin.listen\n");
    ::close(holder);
}

TEST_F(RunFolder, ALogThatCannotBeOpenedIsOneLine) {
    std::string file = write("s.yaml", "workers: 1\nlog:\n  path: none/x.log\n");
    Outcome outcome = run_with({"serve", "--config", file});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, file + ":3: key 'log.path': cannot open log file '" + folder_ +
                               "/none/x.log': No such file or directory\n");
}

TEST_F(RunFolder, DataThatCannotBeUsedIsOneLine) {
    write("web/chat/index.html", "page");
    std::string notes = write("notes.txt", std::string(1000, 'n'));
    std::string file = write("s.yaml", "demo: true\ndemo_data: notes.txt\n");
    const std::string executable = folder_ + "/build/release/starling";
    write("build/release/starling", "");
    Outcome outcome = run_with({"serve", "--config", file}, {}, executable);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err,
              file + ":2: key 'demo_data': cannot use '" + notes + "': file is not a database\n");
    outcome = run_with({"serve", "--demo", "--data", folder_}, {}, executable);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, "starling: --data: cannot use '" + folder_ + "': Is a directory\n");
}

TEST_F(RunFolder, FindsThePagesOfABuildAndOfAnInstallation) {
    EXPECT_EQ(find_web_folder(folder_ + "/build/release/starling"), "");
    Outcome outcome = run_with({"serve", "--demo"}, {}, folder_ + "/build/release/starling");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err,
              "starling: cannot find the pages of the demo; name their folder with --root\n");
    write("build/release/starling", "");
    write("web/chat/index.html", "page");
    EXPECT_EQ(find_web_folder(folder_ + "/build/release/starling"),
              folder_ + "/build/release/../../web");
    write("usr/bin/starling", "");
    write("usr/share/starling/web/chat/index.html", "page");
    EXPECT_EQ(find_web_folder(folder_ + "/usr/bin/starling"),
              folder_ + "/usr/bin/../share/starling/web");
}

TEST_F(RunFolder, FindsTheDocumentationOfABuildAndOfAnInstallation) {
    EXPECT_EQ(find_docs_folder(folder_ + "/build/release/starling"), "");
    write("build/release/starling", "");
    write("build/docs/source/README.md.html", "page");
    EXPECT_EQ(find_docs_folder(folder_ + "/build/release/starling"),
              folder_ + "/build/release/../docs");
    write("usr/bin/starling", "");
    write("usr/share/starling/docs/source/README.md.html", "page");
    EXPECT_EQ(find_docs_folder(folder_ + "/usr/bin/starling"),
              folder_ + "/usr/bin/../share/starling/docs");
}

TEST(Site, TellsAddressesAsUrls) {
    EXPECT_EQ(url_of("127.0.0.1:8080", false), "http://localhost:8080");
    EXPECT_EQ(url_of("0.0.0.0:80", false), "http://0.0.0.0:80");
    EXPECT_EQ(url_of("[::1]:8443", true), "https://[::1]:8443");
    EXPECT_EQ(url_of("unix:/run/s.sock", true), "unix:/run/s.sock");
}

}  // namespace
}  // namespace starling::app
