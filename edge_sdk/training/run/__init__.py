"""One run: assembled, resumed, averaged, drawn; and several in turn.

Reading order: ``from_recipe``, ``module`` (the steps), ``running`` (a run put together),
``folder``, ``initial``, ``averaging``, ``callbacks``, ``stopping``, ``curves``, ``result``;
``recognition`` (steps of that task); ``schedule`` and ``schedule_folder`` (several runs in turn).
"""
