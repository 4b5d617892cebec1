#include "server/files/file_cache.h"

namespace starling::server {
namespace {

// Estimate: list node, index node, strings and control block.
constexpr uint64_t entry_overhead_bytes = 256;

}  // namespace

std::string FileCache::key_of(std::string_view path, Form form) {
    std::string key(path);
    key += form == Form::gzip ? '\1' : '\0';
    return key;
}

void FileCache::erase(Entries::iterator entry) {
    bytes_ -= entry->cost;
    index_.erase(entry->key);
    entries_.erase(entry);
}

FileCache::Found FileCache::find(std::string_view path, Form form, const FileIdentity& identity) {
    const auto at = index_.find(key_of(path, form));
    if (at == index_.end()) return {};
    const auto entry = at->second;
    if (entry->identity != identity) {
        erase(entry);
        return {};
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return {true, entry->bytes};
}

void FileCache::put(std::string_view path, Form form, const FileIdentity& identity, Bytes bytes) {
    CallScope entry{key_of(path, form), identity, std::move(bytes), 0};
    entry.cost = entry_overhead_bytes + entry.key.size() + (entry.bytes ? entry.bytes->size() : 0);
    if (const auto old = index_.find(entry.key); old != index_.end()) erase(old->second);
    if (entry.cost > bytes_max_) return;
    while (bytes_ + entry.cost > bytes_max_) erase(std::prev(entries_.end()));
    bytes_ += entry.cost;
    entries_.push_front(std::move(entry));
    index_.emplace(entries_.front().key, entries_.begin());
}

}  // namespace starling::server
