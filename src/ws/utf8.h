// ws/utf8.h: incremental UTF-8 validation (RFC 3629), for text messages and close reasons (RFC 6455
// 8.1).
//
// Owner: whoever validates; three bytes of state. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace starling::ws {

class Utf8Validator {
public:
    // False as soon as these bytes prove that what was fed is not the beginning of valid UTF-8;
    // C0 fails at C0, F4 90 at 90. After a false the validator must not be fed again.
    [[nodiscard]] bool feed(std::span<const std::byte> bytes) noexcept;

    // Does what was fed end at the end of a character?
    [[nodiscard]] bool complete() const noexcept { return continuations_ == 0; }

private:
    [[nodiscard]] bool step(uint8_t byte) noexcept;

    uint8_t continuations_ = 0;  // How many more the current character needs.
    uint8_t lower_ = 0x80;       // Bounds of the next one: they shut out overlong forms,
    uint8_t upper_ = 0xbf;       // surrogates and what lies above U+10FFFF.
};

[[nodiscard]] bool utf8_is_valid(std::span<const std::byte> bytes) noexcept;

}  // namespace starling::ws
