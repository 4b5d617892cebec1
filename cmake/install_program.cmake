# The component `runtime`: the program with what belongs to it.
install(TARGETS starling RUNTIME COMPONENT runtime)
install(DIRECTORY web/ DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/web COMPONENT runtime)
# src/app/CMakeLists.txt makes these.
set(help_dir ${CMAKE_BINARY_DIR}/help)
install(FILES ${help_dir}/starling.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime
  OPTIONAL)
install(FILES ${help_dir}/starling.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT runtime
  OPTIONAL)
install(FILES ${help_dir}/starling.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/starling
  COMPONENT runtime OPTIONAL)
install(FILES ${help_dir}/starling.bash RENAME starling COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${help_dir}/_starling COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${help_dir}/starling.fish COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# setup/clients/install fetches the bundles. Without them, only the page of Socket.IO does not work.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/clients
  DESTINATION ${CMAKE_INSTALL_DATADIR}/starling COMPONENT runtime OPTIONAL
  PATTERN .installed-lock EXCLUDE)
# ./dev docs builds the documentation's site. Without it, the demo says so at /docs.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/docs/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/docs COMPONENT runtime OPTIONAL)
install(FILES packaging/starling.service packaging/starling.socket DESTINATION lib/systemd/system COMPONENT runtime)
install(DIRECTORY packaging/prometheus DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY packaging/welcome DESTINATION ${CMAKE_INSTALL_DATADIR}/starling COMPONENT runtime)
install(FILES LICENSE README.md README.zh.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT runtime)
# The name under which Debian looks for it.
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT runtime)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libstarling-dev RENAME copyright COMPONENT dev)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)
# The prefix /usr uses /etc; any other prefix has an etc folder of its own.
install(CODE "
  if(CMAKE_INSTALL_PREFIX MATCHES \"^(.*)/usr/?$\")
    set(sysconfdir \"\${CMAKE_MATCH_1}/etc\")
  else()
    set(sysconfdir \"\${CMAKE_INSTALL_PREFIX}/etc\")
  endif()
  file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/starling.yaml\"
    DESTINATION \"\${sysconfdir}/starling\" RENAME starling.yaml.example)
  file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/starling.logrotate\"
    DESTINATION \"\${sysconfdir}/logrotate.d\" RENAME starling)
  if(NOT EXISTS \"\$ENV{DESTDIR}\${sysconfdir}/starling/starling.yaml\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/service.yaml\"
      DESTINATION \"\${sysconfdir}/starling\" RENAME starling.yaml)
  endif()
" COMPONENT runtime)
