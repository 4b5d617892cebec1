// base/exception_text.h: the text that the log gives for a caught exception.
//
//     try {
//         call();
//     } catch (...) {
//         log_exception("session", base::describe_current_exception());
//     }
//
// Thread: any.
#pragma once

#include <exception>
#include <string_view>

namespace starling::base {

// Call it only within a catch block. The text belongs to the caught exception and expires at the
// end of the catch block.
[[nodiscard]] inline std::string_view describe_current_exception() noexcept {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

}  // namespace starling::base
