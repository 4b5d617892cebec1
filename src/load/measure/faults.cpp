#include "load/measure/faults.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace starling::load {

std::string name_of(Fault::Kind kind, uint16_t code) {
    switch (kind) {
        case Fault::Kind::refused: return "refused";
        case Fault::Kind::unreachable: return "unreachable";
        case Fault::Kind::timeout: return "timeout";
        case Fault::Kind::reset: return "reset";
        case Fault::Kind::tls: return "TLS";
        case Fault::Kind::proxy: return "proxy";
        case Fault::Kind::status: return "handshake status " + std::to_string(code);
        case Fault::Kind::closed:
            return code == 0 ? "closed without a code" : "closed code " + std::to_string(code);
        case Fault::Kind::bad_answer: return "bad answer";
        case Fault::Kind::unanswered: return "unanswered";
        case Fault::Kind::undelivered: return "undelivered";
        case Fault::Kind::silent: return "nothing received";
        case Fault::Kind::local: break;
    }
    return "this machine";
}

Fault fault_of_error(int error) {
    using Kind = Fault::Kind;
    switch (error) {
        case ECONNREFUSED:
        case ENOENT: return {Kind::refused};  // ENOENT: no such Unix-domain socket.
        case ENETUNREACH:
        case EHOSTUNREACH: return {Kind::unreachable};
        case ETIMEDOUT: return {Kind::timeout};
        case ECONNRESET:
        case EPIPE: return {Kind::reset};
        default: return {Kind::local, 0, std::generic_category().message(error)};
    }
}

void Tally::add(const Fault& fault, uint64_t times) {
    if (times == 0) return;
    const std::string name = name_of(fault.kind, fault.code);
    Row& row = rows_[name];
    if (row.count == 0) row = {name, 0, fault.text};
    row.count += times;
    total_ += times;
}

void Tally::merge(const Tally& other) {
    for (const auto& [name, row] : other.rows_) {
        Row& mine = rows_[name];
        if (mine.count == 0) mine = {name, 0, row.text};
        mine.count += row.count;
    }
    total_ += other.total_;
}

std::vector<Tally::Row> Tally::rows() const {
    std::vector<Row> list;
    list.reserve(rows_.size());
    for (const auto& [name, row] : rows_) list.push_back(row);
    std::ranges::sort(list, [](const Row& a, const Row& b) {
        return a.count != b.count ? a.count > b.count : a.name < b.name;
    });
    return list;
}

}  // namespace starling::load
