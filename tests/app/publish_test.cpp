// `starling publish` without a server: addresses, bodies, and what each answer means.
#include "app/publish/publish.h"

#include <gtest/gtest.h>

#include <sstream>

namespace starling::app {
namespace {

TEST(PublishAddress, UrlsAndUnixSockets) {
    struct Case {
        const char* text;
        std::string wanted;  // "URL SOCKET local", or the refusal.
    };
    const Case cases[] = {
        {"http://example.com", "http://example.com  "},
        {"http://example.com/", "http://example.com  "},
        {"https://example.com:8443/rt/", "https://example.com:8443/rt  "},
        {"http://localhost:8080", "http://localhost:8080  local"},
        {"http://LOCALHOST", "http://LOCALHOST  local"},
        {"http://127.0.0.1:1", "http://127.0.0.1:1  local"},
        {"http://[::1]:1", "http://[::1]:1  local"},
        {"http://127.0.0.1.example.com", "http://127.0.0.1.example.com  "},
        {"unix:/run/starling.sock", "http://localhost /run/starling.sock local"},
        {"unix:s.sock", "http://localhost s.sock local"},
        {"unix:/run/starling.sock:/rt", "http://localhost/rt /run/starling.sock local"},
        {"unix:/run/starling.sock:", "http://localhost /run/starling.sock local"},
        {"unix:", "must be unix:PATH or unix:PATH:/PREFIX"},
        {"unix::/x", "must be unix:PATH or unix:PATH:/PREFIX"},
        {"unix:/s:x", "must be unix:PATH or unix:PATH:/PREFIX"},
        {"", "must begin with http://, https:// or unix:"},
        {"localhost:8080", "must begin with http://, https:// or unix:"},
        {"ws://localhost", "must begin with http://, https:// or unix:"},
        {"file:///etc/passwd", "must begin with http://, https:// or unix:"},
        {"http://a b", "must not contain spaces or control characters"},
        {"http://a\nb", "must not contain spaces or control characters"},
        {"http://ada:pw@example.com", "must not contain a user, a query or a fragment"},
        {"http://example.com?x", "must not contain a user, a query or a fragment"},
        {"http://example.com/#x", "must not contain a user, a query or a fragment"},
        {"http://:80", "No host part in the URL"},
        {"http://example.com:99999", "Port number was not a decimal number between 0 and 65535"},
    };
    for (const Case& c : cases) {
        const auto got = parse_server_address(c.text);
        EXPECT_EQ(got ? got->url + " " + got->unix_socket + " " + (got->local ? "local" : "")
                      : got.error(),
                  c.wanted)
            << c.text;
    }
}

TEST(PublishBody, TextAndData) {
    EXPECT_EQ(publish_body("News", "Got \"it\"\n", ""),
              R"({"channel":"News","event":"Got \"it\"\n"})");
    EXPECT_EQ(publish_body("News", "sale", R"({"n": 12345678901234567890123})"),
              R"({"channel":"News","event":"{\"event\":\"sale\",\"data\":{\"n\": )"
              R"(12345678901234567890123}}"})");
    EXPECT_EQ(publish_body("News", "sale", "null"),
              R"({"channel":"News","event":"{\"event\":\"sale\",\"data\":null}"})");
}

TEST(PublishOutcome, SaysWhatTheServerSaid) {
    struct Case {
        HttpAnswer answer;
        int code;
        std::string text, json;
    };
    const std::string none_of_ours =
        "the answer is not that of a starling server; is http://s right?";
    const Case cases[] = {
        {{.status = 200, .body = R"({"delivered":2,"limited":1})"},
         0,
         "delivered: 2, limited: 1",
         R"({"delivered":2,"limited":1})"},
        {{.status = 404, .body = R"({"code":404,"message":"channel: is not declared"})"},
         1,
         "404: channel: is not declared",
         R"({"status":404,"message":"channel: is not declared"})"},
        {{.status = 502, .body = "<h1>Bad\r\nGateway\x1b[2J</h1>\n"},
         1,
         "502: <h1>Bad  Gateway [2J</h1>",
         R"({"status":502,"message":"<h1>Bad  Gateway [2J</h1>"})"},
        {{.status = 500, .body = "\xff\xfe"},
         1,
         "500: \xef\xbf\xbd\xef\xbf\xbd",
         "{\"status\":500,\"message\":\"\xef\xbf\xbd\xef\xbf\xbd\"}"},
        {{.status = 503, .body = ""},
         1,
         "503: no words of the server",
         R"({"status":503,"message":""})"},
        {{.status = 204, .body = ""},
         1,
         "204: no words of the server",
         R"({"status":204,"message":""})"},
        {{.status = 301, .location = "https://other/"},
         1,
         "301: the server redirects to https://other/; name the right address with --url",
         R"({"status":301,"message":"the server redirects to https://other/; name the right )"
         R"(address with --url"})"},
        {{.status = 200, .body = "<html>"},
         1,
         "200: " + none_of_ours,
         R"({"status":200,"message":")" + none_of_ours + "\"}"},
        {{.status = 200, .body = R"([{"delivered":2,"limited":1}])"},
         1,
         "200: " + none_of_ours,
         R"({"status":200,"message":")" + none_of_ours + "\"}"},
        {{.status = 200, .body = R"({"delivered":"2","limited":1})"},
         1,
         "200: " + none_of_ours,
         R"({"status":200,"message":")" + none_of_ours + "\"}"},
        {{.error = "connection refused"},
         3,
         "cannot reach http://s: connection refused",
         R"({"status":0,"message":"cannot reach http://s: connection refused"})"},
    };
    for (const Case& c : cases) {
        const PublishOutcome got = outcome_of(c.answer, "http://s");
        EXPECT_EQ(got.exit_code, c.code) << c.text;
        EXPECT_EQ(got.text, c.text);
        EXPECT_EQ(got.json, c.json);
    }
    const PublishOutcome long_words =
        outcome_of({.status = 500, .body = std::string(60'000, 'x')}, "http://s");
    EXPECT_EQ(long_words.text, "500: " + std::string(400, 'x'));
}

TEST(PublishCommand, AWrongCallIsOneLineAndExit2) {
    struct Case {
        std::vector<std::string> args;
        std::string line, input = "";
        Environment environment = {};
    };
    const Environment key{{"STARLING_KEY", "k"}};
    const std::string json_wanted = "JSON; a text stands in quotes, as '\"hi\"'";
    const Case cases[] = {
        {{}, "starling: publish needs a CHANNEL; see starling --help"},
        {{"News"}, "starling: publish needs an EVENT; see starling --help"},
        {{"News", "hi"},
         "starling publish: needs the server's key: --key KEY, or the variable STARLING_KEY"},
        {{"News", "hi"},
         "starling publish: needs the server's key: --key KEY, or the variable STARLING_KEY",
         "",
         {{"STARLING_KEY", ""}}},
        {{"--key", "a\r\nHost: b", "News", "hi"},
         "starling publish: the key must not contain control characters"},
        {{"--url", "localhost", "News", "hi"},
         "starling publish: --url: must begin with http://, https:// or unix:",
         "",
         key},
        {{"--ca", "/nowhere.pem", "News", "hi"},
         "starling publish: --ca: cannot read '/nowhere.pem': No such file or directory",
         "",
         key},
        {{"--timeout-s", "0", "News", "hi"},
         "starling publish: --timeout-s: must be an integer from 1 to 86400",
         "",
         key},
        {{"--timeout-s", "soon", "News", "hi"},
         "starling publish: --timeout-s: must be an integer from 1 to 86400",
         "",
         key},
        {{"\xff", "hi"}, "starling publish: CHANNEL must be UTF-8", "", key},
        {{"News", "\xff"}, "starling publish: EVENT must be UTF-8", "", key},
        {{"News", "hi", "Ada"}, "starling publish: DATA: must be " + json_wanted, "", key},
        {{"News", "hi", ""}, "starling publish: DATA: must be " + json_wanted, "", key},
        {{"News", "hi", "-"},
         "starling publish: DATA: standard input must hold " + json_wanted,
         "",
         key},
        {{"News", "hi", "-"},
         "starling publish: DATA: standard input must hold " + json_wanted,
         std::string("\x7f"
                     "ELF\0\1\2\xff\xfe",
                     9),
         key},
        {{"News", "hi", "-"},
         "starling publish: DATA: standard input must hold " + json_wanted,
         "\"\xff\"",
         key},
    };
    for (const Case& c : cases) {
        std::vector<std::string> args{"publish"};
        args.insert(args.end(), c.args.begin(), c.args.end());
        std::istringstream in(c.input);
        std::ostringstream out, err;
        const CommandLine line = parse_command_line(args);
        const bool parsed = line.action != Action::print;
        const int code = parsed ? run_publish(line, c.environment, {in, out, err}) : line.exit_code;
        EXPECT_EQ(code, 2);
        EXPECT_EQ(parsed ? err.str() : line.text, c.line + "\n");
        EXPECT_EQ(out.str(), "");
    }
}

}  // namespace
}  // namespace starling::app
