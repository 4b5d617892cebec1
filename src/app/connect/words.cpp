#include "app/connect/words.h"

#include <starling/json.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include "base/utf8.h"

namespace starling::app::connect {
namespace {

constexpr std::string_view blanks = " \t";
constexpr size_t json_depth_max = 128, reason_bytes_max = 123, ping_bytes_max = 125;

std::string_view trimmed(std::string_view text) {
    const size_t from = text.find_first_not_of(blanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") + 1 - from);
}

// Takes the first word off `rest`, and the blanks behind it.
std::string_view take_word(std::string_view& rest) {
    const std::string_view word = rest.substr(0, rest.find_first_of(blanks));
    rest = trimmed(rest.substr(word.size()));
    return word;
}

template <class Number>
bool read_whole(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

base::Result<TypedLine> parse_close(std::string_view rest) {
    TypedLine line{.kind = TypedLine::Kind::close};
    if (rest.empty()) return line;
    if (!read_whole(take_word(rest), line.code) ||
        (line.code != 1000 && (line.code < 3000 || line.code > 4999)))
        return base::Failure("/close: the code must be 1000 or 3000 to 4999");
    if (rest.size() > reason_bytes_max)
        return base::Failure("/close: the reason has more than 123 bytes");
    line.reason = rest;
    return line;
}

// Where the JSON value at the front of `text` ends: a string at its quote, an array or object at its
// last bracket, another value at the next blank. The value itself is checked by parse_json().
size_t json_end(std::string_view text) {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c != '"') continue;
            quoted = false;
            if (depth == 0) return i + 1;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if ((c == ']' || c == '}') && depth > 0) {
            if (--depth == 0) return i + 1;
        } else if (depth == 0 && blanks.find(c) != std::string_view::npos) {
            return i;
        }
    }
    return text.size();
}

base::Result<std::vector<sio::Json>> parse_arguments(std::string_view rest, ReadFile read_file) {
    std::vector<sio::Json> args;
    while (!rest.empty()) {
        const std::string which = "argument " + std::to_string(args.size() + 1);
        if (rest.front() == '@') {
            auto bytes = read_file(std::string(take_word(rest).substr(1)));
            if (!bytes) return base::Failure(which + ": " + bytes.error());
            args.push_back(sio::Binary(*std::move(bytes)));
            continue;
        }
        const size_t end = json_end(rest);
        auto value = parse_json(rest.substr(0, end), json_depth_max);
        if (!value)
            return base::Failure(which +
                                 ": must be JSON, or @FILE for bytes; a text stands in quotes");
        args.push_back(*std::move(value));
        rest = trimmed(rest.substr(end));
    }
    return args;
}

// The name of an event: a word, or a JSON string for a name with blanks.
base::Result<std::string> take_name(std::string_view& rest) {
    if (rest.empty()) return base::Failure("needs the NAME of an event");
    if (rest.front() != '"') return std::string(take_word(rest));
    const size_t end = json_end(rest);
    const auto value = parse_json(rest.substr(0, end));
    if (!value || !value->is_string()) return base::Failure("the name is no JSON text");
    rest = trimmed(rest.substr(end));
    return std::string(value->get_string());
}

// A number that is not negative and the unit behind it.
bool take_number(std::string_view& text, double& number) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || std::signbit(number)) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

base::Result<uint64_t> scaled(double number, double factor, double max, const char* form) {
    if (!(number * factor <= max)) return base::Failure(form);
    return static_cast<uint64_t>(std::llround(number * factor));
}

}  // namespace

base::Result<TypedLine> parse_typed_line(std::string_view line) {
    if (!line.starts_with('/')) return TypedLine{.text = std::string(line)};
    if (line.starts_with("//")) return TypedLine{.text = std::string(line.substr(1))};
    std::string_view rest = trimmed(line);
    const std::string_view word = take_word(rest);
    using Kind = TypedLine::Kind;
    if (word == "/help") return TypedLine{.kind = Kind::help};
    if (word == "/close") return parse_close(rest);
    if (word == "/ping") {
        if (rest.size() > ping_bytes_max)
            return base::Failure("/ping: the payload has more than 125 bytes");
        return TypedLine{.kind = Kind::ping, .text = std::string(rest)};
    }
    if (word == "/binary") {
        if (rest.empty()) return base::Failure("/binary needs a FILE");
        return TypedLine{.kind = Kind::binary, .text = std::string(rest)};
    }
    return base::Failure("no command " + std::string(word) + "; /help lists them, //" +
                         std::string(word.substr(1)) + " sends a text");
}

std::string_view typed_line_help() noexcept {
    return "TEXT: send a text\n"
           "//TEXT: send a text that begins with a slash\n"
           "/binary FILE: send the bytes of a file\n"
           "/ping [TEXT]: send a ping; without a text the round trip is measured\n"
           "/close [CODE [REASON]]: close the connection, with 1000 if no code is given\n"
           "Ctrl-D, Ctrl-C: close the connection and end; Ctrl-C again: end at once\n";
}

base::Result<uint64_t> parse_duration_ms(std::string_view text) {
    constexpr const char* form = "must be a time, as 1.5s, 250ms, 2m or 1h";
    constexpr double ms_max = 86'400'000.0 * 365;
    double number = 0;
    if (!take_number(text, number)) return base::Failure(form);
    if (text.empty() || text == "s") return scaled(number, 1000, ms_max, form);
    if (text == "ms") return scaled(number, 1, ms_max, form);
    if (text == "m") return scaled(number, 60'000, ms_max, form);
    if (text == "h") return scaled(number, 3'600'000, ms_max, form);
    return base::Failure(form);
}

base::Result<uint64_t> parse_bytes(std::string_view text) {
    constexpr const char* form = "must be a number of bytes, as 4096, 64k, 10m or 1g";
    constexpr double bytes_max = 1024.0 * 1024 * 1024 * 1024;
    double number = 0;
    if (!take_number(text, number)) return base::Failure(form);
    if (text.empty()) return scaled(number, 1, bytes_max, form);
    if (text == "k") return scaled(number, 1024, bytes_max, form);
    if (text == "m") return scaled(number, 1024 * 1024, bytes_max, form);
    if (text == "g") return scaled(number, 1024 * 1024 * 1024, bytes_max, form);
    return base::Failure(form);
}

base::Result<SocketIoLine> parse_socketio_line(std::string_view line, ReadFile read_file) {
    std::string_view rest = trimmed(line);
    if (rest.empty()) return SocketIoLine{};
    if (!base::utf8_is_valid(rest)) return base::Failure("the line must be UTF-8");
    const std::string word(take_word(rest));
    using Kind = SocketIoLine::Kind;
    constexpr std::pair<std::string_view, Kind> alone[] = {{"connect", Kind::connect},
                                                           {"disconnect", Kind::disconnect},
                                                           {"/close", Kind::close},
                                                           {"/help", Kind::help},
                                                           {"help", Kind::help}};
    for (const auto& [name, kind] : alone) {
        if (word != name) continue;
        if (!rest.empty()) return base::Failure(word + " takes no arguments");
        return SocketIoLine{.kind = kind};
    }
    SocketIoLine parsed{.kind = Kind::emit};
    if (word == "answer") {
        parsed.kind = Kind::answer;
        if (!read_whole(take_word(rest), parsed.id))
            return base::Failure("answer needs the number of an event, then JSON");
    } else if (word == "emit" || word == "ack") {
        if (word == "ack") parsed.kind = Kind::ack;
        auto name = take_name(rest);
        if (!name) return base::Failure(word + ": " + name.error());
        parsed.name = *std::move(name);
    } else {
        return base::Failure("no command " + word + "; help lists them");
    }
    auto args = parse_arguments(rest, read_file);
    if (!args) return base::Failure(word + ": " + args.error());
    parsed.args = *std::move(args);
    return parsed;
}

std::string_view socketio_line_help() noexcept {
    return "emit NAME JSON...: send an event; @FILE in place of JSON sends the file's bytes\n"
           "ack NAME JSON...: send an event and show its ack\n"
           "answer N JSON...: answer event number N, which asks for an ack\n"
           "disconnect, connect: leave the namespace, and enter it again\n"
           "/close: leave the namespace and end\n";
}

base::Result<std::string> read_file(const std::string& path) {
    const auto why = [&] {
        const int error = errno;
        return base::Failure("cannot read '" + path +
                             "': " + std::generic_category().message(error ? error : EIO));
    };
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) return why();
    std::string bytes;
    std::array<char, 65536> part;
    while (file) {
        file.read(part.data(), part.size());
        bytes.append(part.data(), static_cast<size_t>(file.gcount()));
        if (bytes.size() > file_bytes_max)
            return base::Failure("'" + path + "' has more than 64 MiB");
    }
    if (file.bad()) return why();
    return bytes;
}

}  // namespace starling::app::connect
