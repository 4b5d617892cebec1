#include "server/admin_ui/shapes.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "base/utf8.h"
#include "http/masking.h"
#include "socketio/connection.h"
#include "socketio/namespace.h"
#include "socketio/socket.h"

namespace starling::server {
namespace {

constexpr size_t rooms_shown_max = 200, data_bytes_max = 16 * 1024, field_bytes_max = 1024,
                 fields_bytes_max = 16 * 1024, depth_max = 20;
constexpr std::string_view hidden = "(hidden)";

std::string not_shown(size_t bytes) { return "(" + std::to_string(bytes) + " bytes, not shown)"; }

// A copy that fits into any packet: bytes, which would be attachments, and what is nested deeply are
// described.
Json plain(const Json& value, size_t depth = 0) {
    if (const auto bytes = sio::Binary::view(value)) return Json(not_shown(bytes->size()));
    if (depth >= depth_max && value.is_structured()) return "(deeper values, not shown)";
    if (const boost::json::array* const array = value.if_array()) {
        boost::json::array copy;
        for (const Json& item : *array) copy.push_back(plain(item, depth + 1));
        return copy;
    }
    if (const boost::json::object* const object = value.if_object()) {
        boost::json::object copy;
        for (const auto& member : *object) copy[member.key()] = plain(member.value(), depth + 1);
        return copy;
    }
    return sio::detail::own(value);
}

std::string cut(std::string_view text) {
    if (text.size() <= field_bytes_max) return base::utf8_repaired(text);
    return base::utf8_repaired(text.substr(0, field_bytes_max)) + "...";
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

template <class Hides>
boost::json::object shown_fields(const Pairs& fields, const Hides& hides) {
    boost::json::object shown;
    size_t bytes = 0;
    for (const auto& [name, value] : fields) {
        const std::string text = hides(name) ? std::string(hidden) : cut(value);
        bytes += name.size() + text.size();
        if (bytes > fields_bytes_max) break;
        shown[cut(name)] = text;
    }
    return shown;
}

// The target without the value of the secret parameter.
std::string shown_url(std::string_view url, std::string_view secret_parameter) {
    if (secret_parameter.empty()) return cut(url);
    const std::array<std::string, 1> names{std::string(secret_parameter)};
    std::string storage;
    return cut(http::mask_query(url, names, storage));
}

}  // namespace

std::string iso_time(int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string thousandth = std::to_string(1000 + unix_ms % 1000);
    return std::string(text.data(), length) + "." + thousandth.substr(1) + "Z";
}

std::string shown_client(std::string_view sid) { return base::sha1_hex(sid).substr(0, 12); }

Json shown_data(const Json* data) {
    if (!data || data->is_null()) return boost::json::object();
    Json copy = plain(*data);
    const size_t bytes = boost::json::serialize(copy).size();
    if (bytes <= data_bytes_max) return copy;
    return boost::json::object{{"data", not_shown(bytes)}};
}

boost::json::object shown_socket(const socketio::Socket& socket, std::string_view secret_parameter,
                                 Shown how) {
    const socketio::Transport& transport = socket.connection().transport();
    const sio::Handshake handshake = socket.handshake();
    const auto is_secret_field = [](std::string_view name) {
        return name == "authorization" || name == "proxy-authorization" || name == "cookie";
    };
    const auto is_secret_parameter = [&](std::string_view name) {
        return !secret_parameter.empty() && name == secret_parameter;
    };
    const bool brief = how == Shown::brief;
    boost::json::array rooms;
    for (const std::string& room : socket.rooms()) {
        if (rooms.size() >= rooms_shown_max) break;
        rooms.emplace_back(base::utf8_repaired(room));
    }
    return {{"id", socket.id()},
            {"clientId", shown_client(transport.sid())},
            {"transport", transport.name()},
            {"nsp", socket.nsp().name()},
            {"data", shown_data(socket.data_if())},
            {"handshake",
             {{"address", handshake.address},
              {"headers",
               brief ? boost::json::object() : shown_fields(handshake.headers, is_secret_field)},
              {"query",
               brief ? boost::json::object() : shown_fields(handshake.query, is_secret_parameter)},
              {"issued", handshake.issued_ms},
              {"secure", handshake.secure},
              {"time", handshake.time()},
              {"url", shown_url(handshake.url, secret_parameter)},
              {"xdomain", handshake.xdomain}}},
            {"rooms", std::move(rooms)}};
}

boost::json::array shown_event(const boost::json::array& event, size_t bytes, size_t bytes_max) {
    boost::json::array shown;
    for (const Json& item : event) {
        shown.push_back(plain(item));
        if (bytes <= bytes_max) continue;
        shown.emplace_back(not_shown(bytes));
        break;
    }
    return shown;
}

}  // namespace starling::server
