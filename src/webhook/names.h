// webhook/names.h: a set of the names (of users, connections, tokens) in a request. All names share
// one allocation, so that a request with 10,000 names does not cost 10,000 allocations.
//
// Owner: the request, as a value. Thread: as any value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::webhook {

class NameSet {
public:
    // Append a name here to decode it in place; then add() ends it. All names together must stay
    // below 4 GiB.
    [[nodiscard]] std::string& buffer() noexcept { return bytes_; }
    void add() {
        const size_t begin = spans_.empty() ? 0 : spans_.back().begin + spans_.back().size;
        spans_.push_back(
            {static_cast<uint32_t>(begin), static_cast<uint32_t>(bytes_.size() - begin)});
    }
    void add(std::string_view name) {
        bytes_.append(name);
        add();
    }
    // The name added last.
    [[nodiscard]] std::string_view last() const noexcept { return (*this)[spans_.size() - 1]; }
    void remove_last() {
        bytes_.resize(spans_.back().begin);
        spans_.pop_back();
    }
    // Call it after the last add(): sorts the names, by length first, and removes duplicates.
    void seal();

    [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }
    [[nodiscard]] size_t size() const noexcept { return spans_.size(); }
    [[nodiscard]] std::string_view operator[](size_t i) const noexcept {
        return std::string_view(bytes_).substr(spans_[i].begin, spans_[i].size);
    }
    // Only for a sealed set.
    [[nodiscard]] bool contains(std::string_view name) const noexcept;

private:
    struct Span {
        uint32_t begin, size;
    };

    std::string bytes_;
    std::vector<Span> spans_;
};

}  // namespace starling::webhook
