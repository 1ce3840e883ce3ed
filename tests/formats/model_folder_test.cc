#include "formats/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "formats/catalogue.h"
#include "tests/formats/scoped_variable.h"
#include "tests/formats/temp_folder.h"

namespace dure::formats {
namespace {

using testing::HasSubstr;

TEST(ModelFolder, ComesFromTheEnvironment) {
  const ScopedVariable home("HOME", "/h");
  const ScopedVariable cache("XDG_CACHE_HOME", nullptr);
  const ScopedVariable chosen("DURE_MODEL_DIR", nullptr);
  EXPECT_EQ(DefaultModelFolder().value(), "/h/.cache/dure/models");
  const ScopedVariable other_cache("XDG_CACHE_HOME", "/c");
  EXPECT_EQ(DefaultModelFolder().value(), "/c/dure/models");
  const ScopedVariable other("DURE_MODEL_DIR", "/m");
  EXPECT_EQ(DefaultModelFolder().value(), "/m");
}

TEST(ModelFolder, WithoutAnyVariableItIsAnError) {
  const ScopedVariable home("HOME", nullptr);
  const ScopedVariable cache("XDG_CACHE_HOME", "");
  const ScopedVariable chosen("DURE_MODEL_DIR", nullptr);
  EXPECT_THAT(DefaultModelFolder().error().message, HasSubstr("DURE_MODEL_DIR"));
}

TEST(ModelFolder, ListsModelFilesOnly) {
  const TempFolder folder;
  folder.Write("b.gguf", "12345");
  folder.Write("a.safetensors", "1");
  folder.Write("c.gguf.part", "1");
  folder.Write("notes.txt", "1");
  std::filesystem::create_directory(folder.File("folder.gguf"));
  const auto models = ListModels(folder.path());
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].file_name, "a.safetensors");
  EXPECT_EQ(models[1].file_name, "b.gguf");
  EXPECT_EQ(models[1].bytes, 5u);
  EXPECT_TRUE(ListModels(folder.File("absent")).empty());
}

TEST(ModelFolder, FindsByPathNameAndFileName) {
  const TempFolder folder;
  const CatalogueEntry& entry = BuiltInCatalogue()[1];
  EXPECT_THAT(FindModel(folder.path(), entry.name).error().message,
              HasSubstr("run: dure pull " + entry.name));
  const std::string path = folder.Write(entry.file_name, "x");
  folder.Write("other.gguf", "x");
  EXPECT_EQ(FindModel(folder.path(), entry.name).value(), path);
  EXPECT_EQ(FindModel(folder.path(), entry.file_name).value(), path);
  EXPECT_EQ(FindModel("/nowhere", path).value(), path);
  EXPECT_EQ(FindModel(folder.path(), "other").value(), folder.File("other.gguf"));
  EXPECT_EQ(FindModel(folder.path(), "absent").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FindModel(folder.path(), "../" + entry.file_name).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FindModel(folder.path(), "").error().code, ErrorCode::kInvalidArgument);
}

TEST(Catalogue, IsConsistent) {
  std::set<std::string> names;
  for (const CatalogueEntry& entry : BuiltInCatalogue()) {
    EXPECT_TRUE(names.insert(entry.name).second);
    EXPECT_TRUE(names.insert(entry.file_name).second);
    EXPECT_EQ(entry.sha256.size(), 64u);
    EXPECT_FALSE(entry.licence.empty());
    EXPECT_FALSE(entry.languages.empty());
    EXPECT_EQ(entry.sources.size(), 2u);
    for (const ModelSource& source : entry.sources) {
      const auto* wheels = std::get_if<PackageSource>(&source);
      if (wheels == nullptr) continue;
      uint64_t bytes = 0;
      for (const WheelPart& part : wheels->parts) {
        EXPECT_EQ(part.sha256.size(), 64u);
        bytes += part.member_bytes;
      }
      EXPECT_EQ(bytes, entry.bytes) << entry.name;
    }
    EXPECT_EQ(FindInCatalogue(entry.name), &entry);
    EXPECT_EQ(FindInCatalogue(entry.file_name), &entry);
  }
  EXPECT_EQ(FindInCatalogue("no such model"), nullptr);
  EXPECT_EQ(BuiltInCatalogue()[0].name, "qwen2.5-coder-0.5b");
}

}  // namespace
}  // namespace dure::formats
