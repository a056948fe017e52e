"""Do probabilities of a run hold on proteins of another population?"""
