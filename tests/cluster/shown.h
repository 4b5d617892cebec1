// Messages between nodes as one line of text each, for tables of tests; and the commands of Redis as
// its MONITOR quotes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/message.h"
#include "socketio/codec/encoder.h"

namespace starling::cluster::test {

inline std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::hello: return "hello";
        case Kind::heartbeat: return "heartbeat";
        case Kind::bye: return "bye";
        case Kind::emit: return "emit";
        case Kind::ask: return "ask";
        case Kind::join: return "join";
        case Kind::leave: return "leave";
        case Kind::disconnect: return "disconnect";
        case Kind::fetch: return "fetch";
        case Kind::list_rooms: return "list_rooms";
        case Kind::list_sockets: return "list_sockets";
        case Kind::server_event: return "server_event";
        case Kind::fetched: return "fetched";
        case Kind::rooms: return "rooms";
        case Kind::ids: return "ids";
        case Kind::done: return "done";
        case Kind::ask_count: return "count";
        case Kind::ask_ack: return "ack";
        case Kind::server_answer: return "answer";
    }
    return "?";
}

// JSON; bytes in hexadecimal digits: <0102ff>.
inline std::string shown(const Json& json) {
    socketio::Encoder encoder(socketio::Codec::json, 1000);
    encoder.begin(socketio::Type::ack, "/");
    encoder.value(json);
    if (!encoder.finish()) return "(not to be sent)";
    std::string text(encoder.text());
    text = text.substr(text.find('[') + 1);
    text.pop_back();
    for (size_t i = 0; i < encoder.attachments().size(); ++i) {
        const std::string mark = R"({"_placeholder":true,"num":)" + std::to_string(i) + "}";
        std::string hex;
        for (const char c : encoder.attachments()[i]) {
            hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
            hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
        }
        text.replace(text.find(mark), mark.size(), "<" + hex + ">");
    }
    return text;
}

inline std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) all.append(all.empty() ? "" : "|").append(text);
    return all;
}

// Without the uid and the request id, which are random.
inline std::string shown(const Message& message) {
    std::string line(name_of(message.kind));
    if (message.nsp != "/") line += " nsp " + message.nsp;
    if (!message.sid.empty()) line += " sid " + message.sid;
    if (!message.target.rooms.empty()) line += " to " + joined(message.target.rooms);
    if (!message.target.except.empty()) line += " except " + joined(message.target.except);
    if (message.target.flags.volatile_packet) line += " volatile";
    if (!message.target.flags.compress) line += " uncompressed";
    if (message.target.flags.timeout_ms != 0)
        line += " timeout " + std::to_string(message.target.flags.timeout_ms);
    if (!message.rooms.empty()) line += " rooms " + joined(message.rooms);
    if (message.close) line += " close";
    if (message.kind == Kind::ask_count) line += " " + std::to_string(message.clients);
    if (!message.data.is_null()) line += " " + shown(message.data);
    for (const auto& socket : message.sockets)
        line += " {" + joined(socket.rooms) + " " + shown(socket.data) + " " +
                socket.handshake.url.substr(0, 12) + " " +
                std::string(socket.handshake.query_value("transport")) + " " +
                std::string(socket.handshake.header("upgrade")) + "}";
    return line;
}

inline std::string_view name_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::malformed: return "malformed";
        case Refusal::unknown_type: return "unknown type";
        case Refusal::too_large: return "too large";
    }
    return "?";
}

// Undoes the quoting of MONITOR: "a" "b\x00c" becomes {"a", "b\0c"}.
inline std::vector<std::string> unquoted(std::string_view line) {
    std::vector<std::string> words;
    bool inside = false;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') {
            inside = !inside;
            if (inside) words.emplace_back();
        } else if (inside && line[i] == '\\') {
            const char c = line[++i];
            if (c == 'x') {
                words.back() +=
                    static_cast<char>(std::stoi(std::string(line.substr(i + 1, 2)), nullptr, 16));
                i += 2;
            } else {
                constexpr std::string_view names = "nrtab";
                constexpr std::string_view codes = "\n\r\t\a\b";
                const size_t at = names.find(c);
                words.back() += at == std::string_view::npos ? c : codes[at];
            }
        } else if (inside) {
            words.back() += line[i];
        }
    }
    return words;
}

}  // namespace starling::cluster::test
