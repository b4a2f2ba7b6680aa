import HalftoneCommands

await HalftoneCommand.runProcess()
