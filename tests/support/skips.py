"""A file whose tests were all skipped must not look like one that passed."""
SKIPPED = 77


def pytest_sessionfinish(session, exitstatus):
    """ctest is told by SKIP_RETURN_CODE that nothing ran."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = SKIPPED
