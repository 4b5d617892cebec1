#include "redis/url.h"

#include <charconv>
#include <optional>
#include <utility>

#include "http/url.h"

namespace starling::redis {
namespace {

using base::Failure;
using http::percent_decode;

std::optional<uint32_t> number(std::string_view text, uint32_t max) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max)
        return std::nullopt;
    return value;
}

// "host", "host:port", "[::1]:port"
base::Result<Endpoint> parse_endpoint(std::string_view text, uint16_t default_port) {
    Endpoint endpoint{{}, default_port};
    std::string_view port;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) return Failure("host: '[' without ']'");
        endpoint.host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && port.front() != ':') return Failure("host: text after ']'");
    } else {
        const size_t colon = text.find(':');
        endpoint.host = text.substr(0, colon);
        if (colon != std::string_view::npos) port = text.substr(colon);
    }
    if (endpoint.host.empty()) return Failure("host: there is none");
    if (endpoint.host.find_first_of(" /?#@\\%") != std::string::npos)
        return Failure("host: a character that no host has");
    if (port.empty()) return endpoint;
    const auto value = number(port.substr(1), 65535);
    if (!value || *value == 0) return Failure("port: not a number from 1 to 65535");
    endpoint.port = static_cast<uint16_t>(*value);
    return endpoint;
}

struct Scheme {
    std::string_view name;
    Url::Mode mode;
    bool tls, unix_socket;
};
constexpr Scheme schemes[] = {
    {"redis", Url::Mode::single, false, false},
    {"rediss", Url::Mode::single, true, false},
    {"redis+unix", Url::Mode::single, false, true},
    {"unix", Url::Mode::single, false, true},
    {"redis+sentinel", Url::Mode::sentinel, false, false},
    {"rediss+sentinel", Url::Mode::sentinel, true, false},
    {"redis+cluster", Url::Mode::cluster, false, false},
    {"rediss+cluster", Url::Mode::cluster, true, false},
};

base::Result<void> read_credentials(Url& url, std::string_view text) {
    const size_t colon = text.find(':');
    const auto user = percent_decode(text.substr(0, colon));
    if (!user) return Failure("user: a malformed escape");
    url.user = *user;
    if (colon == std::string_view::npos) return {};
    const auto password = percent_decode(text.substr(colon + 1));
    if (!password) return Failure("password: a malformed escape");
    url.password = *password;
    return {};
}

base::Result<void> read_database(Url& url, std::string_view text) {
    const auto database = number(text, 1u << 20);
    if (!database) return Failure("database: not a number");
    url.database = *database;
    return {};
}

base::Result<void> read_options(Url& url, std::string_view query) {
    for (auto& [name, value] : http::form_fields(query)) {
        if (name == "db") {
            auto read = read_database(url, value);
            if (!read) return read;
        } else if (name == "protocol") {
            if (value != "2" && value != "3") return Failure("protocol: neither 2 nor 3");
            url.protocol = static_cast<uint8_t>(value[0] - '0');
        } else if (name == "name") {
            if (value.find_first_of(" \r\n\t") != std::string::npos)
                return Failure("name: a name of a connection has no spaces");
            url.client_name = std::move(value);
        } else if (name == "sentinel_user") {
            url.sentinel_user = std::move(value);
        } else if (name == "sentinel_password") {
            url.sentinel_password = std::move(value);
        } else {
            return Failure("there is no option '" + name + "'");
        }
    }
    return {};
}

base::Result<void> read_hosts(Url& url, std::string_view hosts) {
    const uint16_t port = url.mode == Url::Mode::sentinel ? 26379 : 6379;
    while (true) {
        const size_t comma = hosts.find(',');
        auto endpoint = parse_endpoint(hosts.substr(0, comma), port);
        if (!endpoint) return Failure(endpoint.error());
        url.endpoints.push_back(*std::move(endpoint));
        if (comma == std::string_view::npos) return {};
        if (url.mode == Url::Mode::single) return Failure("host: more than one");
        hosts.remove_prefix(comma + 1);
    }
}

base::Result<void> read_path(Url& url, std::string_view path) {
    if (url.mode == Url::Mode::sentinel) {
        const size_t slash = path.find('/');
        const auto name = percent_decode(path.substr(0, slash));
        if (!name || name->empty())
            return Failure("master: its name is the first part of the path");
        url.master_name = *name;
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    return path.empty() ? base::Result<void>() : read_database(url, path);
}

}  // namespace

base::Result<Url> parse_url(std::string_view text) {
    const size_t colon = text.find("://");
    const Scheme* scheme = nullptr;
    for (const Scheme& one : schemes)
        if (colon != std::string_view::npos && text.substr(0, colon) == one.name) scheme = &one;
    if (!scheme)
        return Failure(
            "write redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// before the "
            "address");
    Url url;
    url.mode = scheme->mode;
    url.tls = scheme->tls;
    text.remove_prefix(colon + 3);
    if (text.find('#') != std::string_view::npos) return Failure("a fragment has no meaning");
    const size_t question = text.find('?');
    const std::string_view query =
        question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
    text = text.substr(0, question);
    const size_t slash = text.find('/');
    std::string_view authority = text.substr(0, slash);
    std::string_view path =
        slash == std::string_view::npos ? std::string_view() : text.substr(slash);
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
        if (auto read = read_credentials(url, authority.substr(0, at)); !read)
            return Failure(read.error());
        authority.remove_prefix(at + 1);
    }
    base::Result<void> read;
    if (scheme->unix_socket) {
        const auto file = percent_decode(path);
        if (!authority.empty()) return Failure("a socket has a path and no host: unix:///path");
        if (!file || file->size() < 2 || file->find('\0') != std::string::npos)
            return Failure("path: there is none, or it is malformed");
        url.endpoints.push_back({"localhost", 0, *file});
    } else {
        read = read_hosts(url, authority);
        if (read && path.size() > 1)
            path.remove_prefix(1), read = read_path(url, path);
        else if (read && url.mode == Url::Mode::sentinel)
            read = read_path(url, {});
    }
    if (read) read = read_options(url, query);
    if (!read) return Failure(read.error());
    if (url.mode == Url::Mode::cluster && url.database != 0)
        return Failure("database: a cluster has only database 0");
    return url;
}

}  // namespace starling::redis
