#include "redis/errors.h"

#include <array>
#include <charconv>

namespace starling::redis {
namespace {

struct Row {
    std::string_view begin;
    ErrorKind kind;
    Reaction reaction;
    std::string_view words;
};

using enum ErrorKind;

// The first row whose text begins an error says what the error is.
constexpr std::array<Row, 20> rows{{
    {"MOVED ", moved, Reaction::redirect, "the slot is on another node"},
    {"ASK ", ask, Reaction::redirect, "the slot moves to another node"},
    {"LOADING", loading, Reaction::wait, "the server loads its data"},
    {"TRYAGAIN", try_again, Reaction::wait, "the slot moves to another node"},
    {"CLUSTERDOWN", cluster_down, Reaction::wait, "the cluster does not serve the slot"},
    {"MASTERDOWN", master_down, Reaction::wait, "the replica has no master"},
    {"BUSY ", busy, Reaction::wait, "the server runs a script"},
    {"READONLY", read_only, Reaction::reconnect, "the server is a replica"},
    {"OOM", out_of_memory, Reaction::tell, "the server is out of memory"},
    {"MISCONF", cannot_write, Reaction::tell, "the server cannot save its data"},
    {"NOREPLICAS", cannot_write, Reaction::tell, "the server has too few replicas"},
    {"NOPERM", no_permission, Reaction::tell, "an access control list denies the command"},
    {"NOAUTH", credentials, Reaction::stop, "the server requires a password"},
    {"WRONGPASS", credentials, Reaction::stop, "wrong user or password"},
    {"ERR invalid password", credentials, Reaction::stop, "wrong user or password"},
    {"CROSSSLOT", cross_slot, Reaction::tell, "the keys are in different slots"},
    {"NOPROTO", unknown_command, Reaction::tell, "the server does not know the protocol"},
    {"ERR unknown command", unknown_command, Reaction::tell,
     "the server does not know the command"},
    {"ERR max number of clients", clients_max, Reaction::reconnect,
     "the server has too many clients"},
    {"ERR unknown subcommand", unknown_command, Reaction::tell,
     "the server does not know the command"},
}};

const Row* row_of(std::string_view text) noexcept {
    for (const Row& row : rows)
        if (text.starts_with(row.begin)) return &row;
    return nullptr;
}

std::optional<uint32_t> number(std::string_view text, uint32_t max) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > max)
        return std::nullopt;
    return value;
}

}  // namespace

ErrorKind error_kind(std::string_view text) noexcept {
    const Row* const row = row_of(text);
    return row ? row->kind : other;
}

Reaction reaction(ErrorKind kind) noexcept {
    for (const Row& row : rows)
        if (row.kind == kind) return row.reaction;
    return Reaction::tell;
}

bool may_be_sent_again(std::string_view error) noexcept {
    return reaction(error_kind(error)) != Reaction::tell;
}

std::string_view in_words(std::string_view text) noexcept {
    const Row* const row = row_of(text);
    return row ? row->words : std::string_view();
}

std::string_view label_of(ErrorKind kind) noexcept {
    switch (kind) {
        case loading:
        case master_down: return "loading";
        case out_of_memory: return "out_of_memory";
        case read_only: return "read_only";
        case credentials:
        case no_permission: return "no_permission";
        case cluster_down:
        case try_again: return "cluster_down";
        case cannot_write: return "cannot_write";
        case busy:
        case clients_max: return "busy";
        case moved:
        case ask:
        case cross_slot: return "slot";
        case unknown_command:
        case other: break;
    }
    return "other";
}

std::string show(const Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
    const bool ipv6 = endpoint.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::optional<Redirect> parse_redirect(std::string_view text) {
    Redirect redirect;
    const ErrorKind kind = error_kind(text);
    if (kind != moved && kind != ask) return std::nullopt;
    redirect.ask = kind == ask;
    text.remove_prefix(text.find(' ') + 1);
    const size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto slot = number(text.substr(0, space), slots_max - 1);
    // The host of an IPv6 address bears no brackets: the last colon separates the port.
    std::string_view host = text.substr(space + 1);
    const size_t colon = host.rfind(':');
    if (!slot || colon == std::string_view::npos) return std::nullopt;
    const auto port = number(host.substr(colon + 1), 65535);
    if (!port || *port == 0) return std::nullopt;
    host = host.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.find_first_of(" \r\n") != std::string_view::npos) return std::nullopt;
    redirect.slot = static_cast<uint16_t>(*slot);
    // "?" stands for a node that does not know its own name.
    redirect.to = {host == "?" ? std::string() : std::string(host), static_cast<uint16_t>(*port)};
    return redirect;
}

}  // namespace starling::redis
