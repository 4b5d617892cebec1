// server/files/file_cache.h: a bounded cache of small files and of their gzip forms; the least
// recently used entry is evicted first. An entry is valid only for the FileIdentity that it was
// made from.
//
// Owner:  the server::StaticFiles of one worker. Thread: that worker's.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/files/open_beneath.h"

namespace starling::server {

class FileCache {
public:
    enum class Form : uint8_t { plain, gzip };
    using Bytes = std::shared_ptr<const std::string>;

    explicit FileCache(uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    // `found` with null `bytes`: compressing this file does not pay.
    struct Found {
        bool found = false;
        Bytes bytes = {};
    };
    [[nodiscard]] Found find(std::string_view path, Form form, const FileIdentity& identity);

    // Does nothing if `bytes` is larger than the whole cache.
    void put(std::string_view path, Form form, const FileIdentity& identity, Bytes bytes);

    [[nodiscard]] uint64_t bytes() const noexcept { return bytes_; }

private:
    struct CallScope {
        std::string key;
        FileIdentity identity;
        Bytes bytes;
        uint64_t cost = 0;
    };
    using Entries = std::list<CallScope>;

    static std::string key_of(std::string_view path, Form form);
    void erase(Entries::iterator entry);

    const uint64_t bytes_max_;
    uint64_t bytes_ = 0;
    Entries entries_;                                                // Most recently used first.
    std::unordered_map<std::string_view, Entries::iterator> index_;  // Keys live in the entries.
};

}  // namespace starling::server
