// tests/redis/show.h: replies as text, and readings at every read size.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "redis/reader.h"

namespace starling::redis {

inline std::string show(const Value& value) {
    const auto list = [&](char open, char close) {
        std::string text(1, open);
        for (const Value child : value) text += (text.size() > 1 ? " " : "") + show(child);
        return text + close;
    };
    switch (value.kind()) {
        case Kind::null: return "null";
        case Kind::simple: return "+" + std::string(value.text());
        case Kind::error: return "-" + std::string(value.text());
        case Kind::integer: return std::to_string(value.integer());
        case Kind::bulk: return "'" + std::string(value.text()) + "'";
        case Kind::array: return list('[', ']');
        case Kind::boolean: return value.integer() ? "true" : "false";
        case Kind::real:
            if (std::isnan(value.real())) return "nan";
            if (std::isinf(value.real())) return value.real() > 0 ? "inf" : "-inf";
            return std::to_string(value.real());
        case Kind::big_number: return "big " + std::string(value.text());
        case Kind::verbatim: return "v'" + std::string(value.text()) + "'";
        case Kind::map: return list('{', '}');
        case Kind::set: return list('<', '>');
        case Kind::push: return list('(', ')');
    }
    return "?";
}

// All replies in `wire`, read in pieces of `step` bytes, the first of `first` bytes.
inline std::string read_all(std::string_view wire, size_t first, size_t step,
                            ReaderLimits limits = {}) {
    Reader reader(limits);
    std::string kept, text;
    for (size_t at = 0; at < wire.size();) {
        const size_t bytes = std::min(at == 0 ? first : step, wire.size() - at);
        // A new allocation each time, as in a stream that moves what it keeps.
        std::string next = kept + std::string(wire.substr(at, bytes));
        next.swap(kept);
        at += bytes;
        std::span<const std::byte> input = base::bytes_of(kept);
        auto made = Reader::Step::reply;
        while ((made = reader.next(input)) == Reader::Step::reply)
            text += show(reader.reply()) + "\n";
        if (made == Reader::Step::violation) return text + "! " + std::string(reader.fault());
        kept.erase(0, kept.size() - input.size());
    }
    return kept.empty() ? text : text + "...";
}

}  // namespace starling::redis
