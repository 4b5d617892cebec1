// base/hashed_text.h: a name with its keyed hash, so that several maps hash it once.
//
// std::unordered_map hashes a key when it searches, again when it inserts, and those of the
// neighbours when it erases or grows. A map with HashedText as its key reads the hash instead.
//
// Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"

namespace starling::base {

// A view: the text lives elsewhere.
struct HashedText {
    explicit HashedText(std::string_view t) noexcept : text(t), hash(KeyedTextHash{}(t)) {}
    // `h`: the hash of the same text.
    HashedText(std::string_view t, size_t h) noexcept : text(t), hash(h) {}

    std::string_view text;
    size_t hash;

    struct Hash {
        using is_transparent = void;
        template <class Key>
        [[nodiscard]] size_t operator()(const Key& key) const noexcept {
            return key.hash;
        }
    };
    struct Equal {
        using is_transparent = void;
        template <class A, class B>
        [[nodiscard]] bool operator()(const A& a, const B& b) const noexcept {
            return a.hash == b.hash && a.text == b.text;
        }
    };
};

// The same with a text of its own: a key of a map that is searched by HashedText.
struct OwnHashedText {
    explicit OwnHashedText(const HashedText& view) : text(view.text), hash(view.hash) {}

    std::string text;
    size_t hash;
};

}  // namespace starling::base
