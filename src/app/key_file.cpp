#include "app/key_file.h"

#include <istream>

namespace starling::app {

std::string read_key(std::istream& file) {
    constexpr size_t line_breaks_max = 256;
    std::string key(key_bytes_max + line_breaks_max, '\0');
    file.read(key.data(), static_cast<std::streamsize>(key.size()));
    key.resize(static_cast<size_t>(file.gcount()));
    if (file.good() && file.peek() != std::istream::traits_type::eof()) return key;
    while (key.ends_with('\n') || key.ends_with('\r')) key.pop_back();
    return key;
}

}  // namespace starling::app
