# embed(TARGET FILE NAMESPACE CONSTANT HEADER): puts the text FILE into the library TARGET, as the string_view
# NAMESPACE::CONSTANT that HEADER declares. "@version@" in the text becomes the project's version.
# Included by CMakeLists.txt it offers the function; run by the build step (cmake -P) it writes the C++ file.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FROM}" text)
  string(FIND "${text}" ")embedded\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${FROM} contains the end mark of the raw string literal it becomes.")
  endif()
  string(REPLACE "@version@" "${VERSION}" text "${text}")
  get_filename_component(name "${FROM}" NAME)
  file(WRITE "${TO}" "// Written by cmake/embed.cmake from data/${name}.\n"
    "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
    "const std::string_view ${CONSTANT} = R\"embedded(${text})embedded\";\n\n}  // namespace ${NAMESPACE}\n")
  return()
endif()

function(embed target file namespace constant header)
  get_filename_component(name ${file} NAME_WE)
  set(from ${CMAKE_SOURCE_DIR}/${file})
  set(written ${CMAKE_BINARY_DIR}/generated/embedded_${name}.cpp)
  add_custom_command(
    OUTPUT ${written}
    COMMAND ${CMAKE_COMMAND} -DFROM=${from} -DTO=${written} -DNAMESPACE=${namespace} -DCONSTANT=${constant}
            -DHEADER=${header} -DVERSION=${PROJECT_VERSION} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${from} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${written})
endfunction()
