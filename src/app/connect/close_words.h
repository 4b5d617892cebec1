// app/connect/close_words.h: the close codes of WebSockets in words. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::app::connect {

// "normal closure" (RFC 6455 section 7.4 and the registry of IANA); for the codes of applications and
// unknown codes the range that they belong to.
[[nodiscard]] std::string_view close_words(uint16_t code) noexcept;

// "1000, normal closure: done"
[[nodiscard]] std::string describe_close(uint16_t code, std::string_view reason);

}  // namespace starling::app::connect
