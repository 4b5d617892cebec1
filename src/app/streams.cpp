#include "app/streams.h"

#include <istream>
#include <ostream>

namespace starling::app {

int print(std::string_view text, const Streams& streams) {
    if (streams.out << text << std::flush) return 0;
    streams.err << "starling: standard output cannot be written" << std::endl;
    return 1;
}

}  // namespace starling::app
