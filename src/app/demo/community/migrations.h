// app/demo/community/migrations.h: the tables of the data file, and the migration of older files.
// The file's user_version counts the migrations that were applied.
//
// Owner and thread: Store::open.
#pragma once

#include "app/demo/community/database.h"

namespace starling::app::community {

// Creates the tables in an empty file, and migrates an older one. Fails with a file of another
// program or of a newer version, which stays unchanged.
[[nodiscard]] base::Result<void> migrate(Database& database);

}  // namespace starling::app::community
