// app/demo/community/migrations.h: the tables of the data file, and the migration of older files.
// The file's user_version counts the migrations that were applied.
//
// Owner and thread: Store::open.
#pragma once

#include "app/demo/community/database.h"

#include <string>

namespace starling::app::community {

// Creates the tables in an empty file, and migrates an older one. False: `error` says why; a file
// of another program or of a newer version stays unchanged.
[[nodiscard]] bool migrate(Database& database, std::string& error);

}  // namespace starling::app::community
