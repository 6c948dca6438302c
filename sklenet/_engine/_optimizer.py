"""AdamW without the imports of torch.compile. Pure torch."""

import inspect

import torch


class AdamW(torch.optim.AdamW):
    """torch's AdamW, whose methods are called without the wrappers that torch.compile needs.

    The first call of a wrapper imports torch._dynamo and SymPy, 800 modules, which takes longer than a fit of a few
    hundred images. A method that a version of torch does not wrap is the same method here. The wrapper of `step` also
    calls the hooks of `register_step_pre_hook` and `register_step_post_hook`, which are not called here.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
