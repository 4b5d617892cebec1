// The parts of `starling connect` without descriptors: words, messages on a pipe, text for a terminal.
#include "app/connect/close_words.h"
#include "app/connect/framing.h"
#include "app/connect/printable.h"
#include "app/connect/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

namespace starling::app::connect {
namespace {

using namespace std::string_literals;

TEST(ConnectWords, CloseCodes) {
    const std::pair<uint16_t, const char*> cases[] = {
        {0, "not a close code"},
        {999, "not a close code"},
        {1000, "normal closure"},
        {1001, "going away"},
        {1002, "protocol error"},
        {1005, "no code"},
        {1006, "connection lost"},
        {1009, "message too large"},
        {1015, "TLS handshake failed"},
        {1016, "reserved for later versions"},
        {2999, "reserved for later versions"},
        {3000, "registered by a library"},
        {4000, "of the application"},
        {4999, "of the application"},
        {5000, "not a close code"},
    };
    for (const auto& [code, words] : cases) EXPECT_EQ(close_words(code), words) << code;
    EXPECT_EQ(describe_close(1000, "done"), "1000, normal closure: done");
    EXPECT_EQ(describe_close(4401, ""), "4401, of the application");
}

std::string show(const base::Result<TypedLine>& line) {
    if (!line) return "! " + line.error();
    using Kind = TypedLine::Kind;
    switch (line->kind) {
        case Kind::text: return "text(" + line->text + ")";
        case Kind::ping: return "ping(" + line->text + ")";
        case Kind::binary: return "binary(" + line->text + ")";
        case Kind::help: return "help";
        case Kind::close: break;
    }
    return "close(" + std::to_string(line->code) + " " + line->reason + ")";
}

TEST(ConnectWords, TypedLines) {
    const std::pair<std::string, std::string> cases[] = {
        {"", "text()"},
        {"hello", "text(hello)"},
        {" /ping", "text( /ping)"},
        {"//ping", "text(/ping)"},
        {"//", "text(/)"},
        {"/ping", "ping()"},
        {"/ping  a b ", "ping(a b)"},
        {"/ping " + std::string(126, 'x'), "! /ping: the payload has more than 125 bytes"},
        {"/close", "close(0 )"},
        {"/close 1000", "close(1000 )"},
        {"/close 4001 that is all", "close(4001 that is all)"},
        {"/close 1001", "! /close: the code must be 1000 or 3000 to 4999"},
        {"/close 65537000", "! /close: the code must be 1000 or 3000 to 4999"},
        {"/close now", "! /close: the code must be 1000 or 3000 to 4999"},
        {"/close 3000 " + std::string(124, 'x'), "! /close: the reason has more than 123 bytes"},
        {"/binary a b.png", "binary(a b.png)"},
        {"/binary", "! /binary needs a FILE"},
        {"/help", "help"},
        {"/quit", "! no command /quit; /help lists them, //quit sends a text"},
        {"/", "! no command /; /help lists them, // sends a text"},
    };
    for (const auto& [line, wanted] : cases) EXPECT_EQ(show(parse_typed_line(line)), wanted);
}

TEST(ConnectWords, TimesAndSizes) {
    const auto time = [](std::string_view text) {
        const auto ms = parse_duration_ms(text);
        return ms ? std::to_string(*ms) : "!";
    };
    EXPECT_EQ(time("0"), "0");
    EXPECT_EQ(time("90"), "90000");
    EXPECT_EQ(time("1.5s"), "1500");
    EXPECT_EQ(time("250ms"), "250");
    EXPECT_EQ(time("2m"), "120000");
    EXPECT_EQ(time("1h"), "3600000");
    for (const char* wrong : {"", "s", "-1", "-0", "1x", "1 s", "inf", "nan", "1e5", "99999999h"})
        EXPECT_EQ(time(wrong), "!") << wrong;
    const auto size = [](std::string_view text) {
        const auto bytes = parse_bytes(text);
        return bytes ? std::to_string(*bytes) : "!";
    };
    EXPECT_EQ(size("4096"), "4096");
    EXPECT_EQ(size("64k"), "65536");
    EXPECT_EQ(size("1.5m"), "1572864");
    EXPECT_EQ(size("1g"), "1073741824");
    for (const char* wrong : {"", "k", "-1", "1b", "9999999g"})
        EXPECT_EQ(size(wrong), "!") << wrong;
}

std::string show(const base::Result<SocketIoLine>& line) {
    if (!line) return "! " + line.error();
    using Kind = SocketIoLine::Kind;
    constexpr const char* kinds[] = {"nothing", "emit",       "ack",   "answer",
                                     "connect", "disconnect", "close", "help"};
    std::string text = kinds[static_cast<size_t>(line->kind)];
    if (!line->name.empty()) text += " " + line->name;
    if (line->kind == Kind::answer) text += " " + std::to_string(line->id);
    for (const sio::Json& arg : line->args) {
        const auto bytes = sio::Binary::view(arg);
        text += bytes ? " bytes(" + std::string(*bytes) + ")" : " " + boost::json::serialize(arg);
    }
    return text;
}

TEST(ConnectWords, SocketioLines) {
    const ReadFile reads = [](const std::string& path) -> base::Result<std::string> {
        if (path == "a.png") return "png"s;
        return base::Failure("no " + path);
    };
    const std::pair<std::string, std::string> cases[] = {
        {"", "nothing"},
        {"  ", "nothing"},
        {"emit hello", "emit hello"},
        {"emit \"private message\" \"a b\" 1", "emit private message \"a b\" 1"},
        {"emit hello 1 -2.5 true null \"x\\\" y\" {\"a\": [1, \"}\"]} [ ]",
         "emit hello 1 -2.5E0 true null \"x\\\" y\" {\"a\":[1,\"}\"]} []"},
        {"emit hello {\"a\":1}{\"b\":2}[3]\"c\"4", "emit hello {\"a\":1} {\"b\":2} [3] \"c\" 4"},
        {"emit file @a.png 1", "emit file bytes(png) 1"},
        {"emit file @b.png", "! emit: argument 1: no b.png"},
        {"emit", "! emit: needs the NAME of an event"},
        {"emit hello world",
         "! emit: argument 1: must be JSON, or @FILE for bytes; a text stands in quotes"},
        {"emit hello 1 {\"a\"",
         "! emit: argument 2: must be JSON, or @FILE for bytes; a text stands in quotes"},
        {"emit hello ]",
         "! emit: argument 1: must be JSON, or @FILE for bytes; a text stands in quotes"},
        {"emit \"a", "! emit: the name is no JSON text"},
        {"emit \xff", "! the line must be UTF-8"},
        {"ack sum 1 2", "ack sum 1 2"},
        {"answer 3", "answer 3"},
        {"answer 3 {\"ok\":true}", "answer 3 {\"ok\":true}"},
        {"answer", "! answer needs the number of an event, then JSON"},
        {"answer x", "! answer needs the number of an event, then JSON"},
        {"connect", "connect"},
        {"disconnect ", "disconnect"},
        {"disconnect 1", "! disconnect takes no arguments"},
        {"/close", "close"},
        {"help", "help"},
        {"say hi", "! no command say; help lists them"},
    };
    for (const auto& [line, wanted] : cases)
        EXPECT_EQ(show(parse_socketio_line(line, reads)), wanted);
}

// What comes out if the bytes come in pieces of `size`.
std::string split(Splitter::Form form, std::string_view bytes, size_t size) {
    Splitter splitter(form, 100);
    std::string text;
    const auto take = [&](std::optional<std::string_view> message) {
        if (message) text.append("(").append(*message).append(")");
        return message.has_value();
    };
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
        splitter.feed(bytes.substr(0, size));
        while (take(splitter.next())) {}
    }
    take(splitter.finish());
    return splitter.fault().empty() ? text : text + " " + splitter.fault();
}

TEST(ConnectSplitter, AtEverySize) {
    struct Case {
        Splitter::Form form;
        std::string bytes, wanted;
    };
    constexpr auto lines = Splitter::Form::lines, lengths = Splitter::Form::lengths;
    const std::string large = "holds a message of more than 100 bytes";
    const Case cases[] = {
        {lines, "", ""},
        {lines, "a", "(a)"},
        {lines, "a\nb\n", "(a)(b)"},
        {lines, "a\r\n\n\r\nb", "(a)()()(b)"},
        {lines, "a\rb\n", "(a\rb)"},
        {lines, std::string(100, 'x') + "\ny\n", "(" + std::string(100, 'x') + ")(y)"},
        {lines, "a\n" + std::string(101, 'x') + "\n", "(a) " + large},
        {lengths, "", ""},
        {lengths, "\0\0\0\1a\0\0\0\0\0\0\0\2b\n"s, "(a)()(b\n)"},
        {lengths, "\0\0\0\2a"s, " ends within a message"},
        {lengths, "\0\0\0\1a\0"s, "(a) ends within a message"},
        {lengths, "\0\0\0\x65"s, " " + large},
        {lengths, "\xff\xff\xff\xff"s, " " + large},
    };
    for (const Case& c : cases)
        for (size_t size = 1; size <= c.bytes.size() + 1; ++size)
            EXPECT_EQ(split(c.form, c.bytes, size), c.wanted) << c.bytes << " by " << size;
    std::string out;
    append_with_length(out, std::string(258, 'x'));
    EXPECT_EQ(out, "\0\0\1\2"s + std::string(258, 'x'));
}

TEST(ConnectPrintable, NothingSteersTheTerminal) {
    const std::pair<std::string, std::string> cases[] = {
        {"", ""},
        {"h\xc3\xa9llo \xf0\x9f\x98\x80", "h\xc3\xa9llo \xf0\x9f\x98\x80"},
        {"a\nb\r\tc", "a\\nb\\r\\tc"},
        {"\x1b[2J\x07\x7f"s + '\0', "\\x1b[2J\\x07\\x7f\\x00"},
        {"\xc2\x9b"
         "31m",
         "\\u{9b}31m"},
        {"\xe2\x80\xae"
         "abc",
         "\\u{202e}abc"},
        {"\xff\xc3(", "\\xff\\xc3("},
        {"\xe2\x80\xa8\xef\xbb\xbf", "\\u{2028}\\u{feff}"},
        {"\\n", "\\n"},
    };
    for (const auto& [text, wanted] : cases) EXPECT_EQ(printable(text), wanted);
    EXPECT_EQ(printable_cut("abcdef", 6), "abcdef");
    EXPECT_EQ(printable_cut("abcdefg", 6), "abcdef... (7 bytes; --full shows all)");
    EXPECT_EQ(printable_cut("abcde\xc3\xa9", 6), "abcde... (7 bytes; --full shows all)");
    EXPECT_EQ(printable_cut("abcdefg", 0), "abcdefg");
    EXPECT_EQ(printable_words("a\x1b[2J\r\nb\u009b31m\u202e\xff  ", 60), "a [2J  b 31m \ufffd");
    EXPECT_EQ(printable_words("abcde\u009b", 6), "abcde");
    std::string json = "[";
    append_printable_json(json, "\"\x7f\\u001b\u009b\u00e9\u202e\ufeff\U0001f600\",1]");
    EXPECT_EQ(json, "[\"\\u007f\\u001b\\u009b\u00e9\\u202e\\ufeff\U0001f600\",1]");
    const auto bytes = std::as_bytes(std::span("\x00\x01\xff", 3));
    EXPECT_EQ(hex_text(bytes, 0), "3 bytes: 00 01 ff");
    EXPECT_EQ(hex_text(bytes, 2), "3 bytes: 00 01 ...");
    EXPECT_EQ(hex_text(bytes.first(1), 2), "1 byte: 00");
    EXPECT_EQ(hex_text({}, 2), "0 bytes");
    EXPECT_EQ(base64("\x01\x02"), "AQI=");
    EXPECT_EQ(columns_of("ab\x01"), 4U);
}

}  // namespace
}  // namespace starling::app::connect
