#include "server/admin_ui/listing.h"

#include <gtest/gtest.h>

namespace starling::server {
namespace {

TEST(AdminUiListing, APageElsewhereGetsTimeForWhatWasSent) {
    const auto pause_ms = &AdminUiListing::pause_ms;
    EXPECT_EQ(pause_ms(0), 100u);
    EXPECT_EQ(pause_ms(16 * 1024), 200u);
    EXPECT_EQ(pause_ms(AdminUiListing::page_bytes_max), 1300u);
    // The largest page with its last socket, at the same pace.
    EXPECT_EQ(pause_ms(256 * 1024), 1700u);
}

}  // namespace
}  // namespace starling::server
