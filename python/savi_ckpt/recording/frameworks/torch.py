"""PyTorch: forward hooks on every module of the model."""
import contextlib
import sys

import torch

from savi_ckpt.recording import values
from savi_ckpt.recording.frameworks.facts import ModuleFacts, bases


@contextlib.contextmanager
def listen(recorder, model):
    handles, open_calls = [], []
    try:
        for path, module in model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                recorder.miss(path, "TorchScript, which calls no hooks: record the module it was made of")
            elif type(module).__name__ == "OptimizedModule":
                recorder.miss(path, "compiled by torch.compile: record the module it was made of, "
                                    "`model._orig_mod`")
            else:
                handles += _attach(recorder, open_calls, path, module)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _attach(recorder, open_calls, path, module):
    """Hooks of one module. `open_calls` are the calls under way, with the exception that was being
    handled as they began."""
    def before(module, args, kwargs):
        call = recorder.begin(_facts(path, module), module.forward, args, kwargs)
        open_calls.append((call, sys.exc_info()[1]))

    def after(module, args, kwargs, output):
        call, handled = open_calls.pop()
        # The hook is always called; one that is called by an exception's handler sees it.
        recorder.end(call, output, completed=sys.exc_info()[1] is handled)

    return [module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after, with_kwargs=True, always_call=True)]


def _facts(path, module):
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return ModuleFacts(
        path=path, class_name=type(module).__name__, bases=bases(type(module), torch.nn.Module),
        framework="torch",
        parameters={name: list(value.shape) for name, value in own},
        attributes=values.attributes(vars(module).items()))
