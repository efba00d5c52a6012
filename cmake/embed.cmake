# Puts data/prices.json into the library `pricing`, as the string that src/pricing/embedded_prices.h declares.
# Included by CMakeLists.txt it adds the build step; run by that step (cmake -P) it writes the C++ file.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FROM}" text)
  string(FIND "${text}" ")embedded\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${FROM} contains the end mark of the raw string literal it becomes.")
  endif()
  file(WRITE "${TO}" "// Written by cmake/embed.cmake from data/prices.json.\n"
    "#include \"pricing/embedded_prices.h\"\n\nnamespace ai_proxy::pricing {\n\n"
    "const std::string_view kEmbeddedPrices = R\"embedded(${text})embedded\";\n\n}  // namespace ai_proxy::pricing\n")
  return()
endif()

set(embedded_prices ${CMAKE_BINARY_DIR}/generated/embedded_prices.cpp)
add_custom_command(
  OUTPUT ${embedded_prices}
  COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_SOURCE_DIR}/data/prices.json -DTO=${embedded_prices}
          -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/data/prices.json ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  COMMENT "Embedding data/prices.json"
  VERBATIM)
target_sources(pricing PRIVATE ${embedded_prices})
